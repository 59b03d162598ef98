// One step of the flow at one pixel, all channels at once.
#pragma once

#include <hwy/highway.h>

#include <array>
#include <cstring>

#include "classic/lanes.h"

namespace infill::classic {

struct FlowStep {
  float transport, viscosity;  // time steps
};

namespace flow {

inline Float4 least(Float4 a, Float4 b) {
  return a < b ? a : b;
}
inline Float4 most(Float4 a, Float4 b) {
  return a > b ? a : b;
}
inline Float4 root(Float4 a) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::FixedTag<float, 4> d;
  alignas(16) std::array<float, 4> lanes;
  std::memcpy(lanes.data(), &a, sizeof a);
  hn::Store(hn::Sqrt(hn::Load(d, lanes.data())), d, lanes.data());
  std::memcpy(&a, lanes.data(), sizeof a);
  return a;
}

}  // namespace flow

// rows: of the pixel's row - 2 .. + 2, each at the pixel's column. The new value:
//
//   I + dt ((grad L . n) |grad I| + nu kappa |grad I|),   L = Laplacian of I,  n = (-Iy, Ix) / |grad I|
//
// where |grad I| of the transport takes one-sided differences by the sign of grad L . n (the upwind slopes of
// the 2000 paper, eq. 10) and kappa is the curvature of the isophotes. It is then kept between the least and
// the largest of the four neighbours and the pixel itself: no step makes a new extreme, so the flow is stable
// for every time step.
inline Float4 flow_at(const Float4* const rows[5], const FlowStep& step) {
  using flow::least;
  using flow::most;
  const Float4* above = rows[1];
  const Float4* row = rows[2];
  const Float4* below = rows[3];
  const Float4 zero{};
  const Float4 here = row[0];
  const Float4 left = row[-1];
  const Float4 right = row[1];
  const Float4 up = above[0];
  const Float4 down = below[0];
  const auto laplacian = [](Float4 centre, Float4 a, Float4 b, Float4 c, Float4 d) {
    return (a + b) + (c + d) - 4.0F * centre;
  };
  const Float4 lx = laplacian(right, here, row[2], above[1], below[1]) -
                    laplacian(left, row[-2], here, above[-1], below[-1]);
  const Float4 ly = laplacian(down, here, rows[4][0], below[-1], below[1]) -
                    laplacian(up, rows[0][0], here, above[-1], above[1]);
  const Float4 ix = 0.5F * (right - left);
  const Float4 iy = 0.5F * (down - up);
  const Float4 square = ix * ix + iy * iy;
  // Small against any step of 8 or 16 bits, and keeps flat places from dividing by 0.
  const Float4 steep = most(square, zero + 1e-12F);
  const Float4 beta = 0.5F * (ly * ix - lx * iy) / flow::root(steep);

  const Float4 xb = here - left;
  const Float4 xf = right - here;
  const Float4 yb = here - up;
  const Float4 yf = down - here;
  const Float4 sign = beta > zero ? zero + 1.0F : zero - 1.0F;
  const Float4 xm = least(sign * xb, zero);
  const Float4 xp = most(sign * xf, zero);
  const Float4 ym = least(sign * yb, zero);
  const Float4 yp = most(sign * yf, zero);
  const Float4 slope = flow::root((xm * xm + xp * xp) + (ym * ym + yp * yp));

  const Float4 ixx = xf - xb;
  const Float4 iyy = yf - yb;
  const Float4 ixy = 0.25F * ((below[1] + above[-1]) - (below[-1] + above[1]));
  const Float4 bend = (ixx * iy * iy + iyy * ix * ix - 2.0F * ix * iy * ixy) / steep;

  const Float4 moved = here + step.transport * beta * slope + step.viscosity * bend;
  const Float4 low = least(here, least(least(left, right), least(up, down)));
  const Float4 high = most(here, most(most(left, right), most(up, down)));
  return least(most(moved, low), high);
}

}  // namespace infill::classic
