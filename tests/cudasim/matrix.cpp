#include "cudasim/matrix.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "cudasim/checker.h"
#include "cudasim/thread.h"
#include "cudasim/warp.h"

namespace infill::cudasim {
namespace {

constexpr uint32_t kAllLanes = ~uint32_t{0};
constexpr int kRows = 16;
constexpr int kColumns = 8;

float value_of_bits(uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

struct Fragments {
  std::array<uint32_t, 4> a;
  std::array<uint32_t, 2> b;
  std::array<float, 4> c;
};

// The matrices of a warp, put together from the fragments of its lanes.
template <int kDepth>
struct Product {
  float a[kRows][kDepth];
  float b[kDepth][kColumns];
  double sum[kRows][kColumns];

  void multiply() {
    for (int row = 0; row < kRows; ++row) {
      for (int k = 0; k < kDepth; ++k) {
        for (int column = 0; column < kColumns; ++column) {
          sum[row][column] += static_cast<double>(a[row][k]) * static_cast<double>(b[k][column]);
        }
      }
    }
  }
};

// Accumulators: c[0], c[1] at row g, columns 2t and 2t + 1; c[2], c[3] eight rows below.
int accumulator_row(int lane, int i) {
  return lane / 4 + i / 2 * 8;
}
int accumulator_column(int lane, int i) {
  return lane % 4 * 2 + i % 2;
}

template <int kDepth, class Load>
void multiply_fragments(Warp& warp, Load load) {
  Product<kDepth> product;
  for (int lane = 0; lane < 32; ++lane) {
    const auto& in = warp.in[static_cast<size_t>(lane)].as<Fragments>();
    load(product, lane, in);
    for (int i = 0; i < 4; ++i) {
      product.sum[accumulator_row(lane, i)][accumulator_column(lane, i)] =
          static_cast<double>(in.c[static_cast<size_t>(i)]);
    }
  }
  product.multiply();
  for (int lane = 0; lane < 32; ++lane) {
    auto& out = warp.out[static_cast<size_t>(lane)].as<std::array<float, 4>>();
    for (int i = 0; i < 4; ++i) {
      out[static_cast<size_t>(i)] =
          static_cast<float>(product.sum[accumulator_row(lane, i)][accumulator_column(lane, i)]);
    }
  }
}

// Registers hold pairs of neighbouring k, low half first.
template <float (*kValue)(uint16_t)>
void complete_m16n8k16(Warp& warp, uint32_t) {
  multiply_fragments<16>(warp, [](Product<16>& product, int lane, const Fragments& in) {
    const int group = lane / 4;
    const int thread = lane % 4;
    for (int i = 0; i < 2; ++i) {
      const int shift = 16 * i;
      const int k = 2 * thread + i;
      product.a[group][k] = kValue(static_cast<uint16_t>(in.a[0] >> shift));
      product.a[group + 8][k] = kValue(static_cast<uint16_t>(in.a[1] >> shift));
      product.a[group][k + 8] = kValue(static_cast<uint16_t>(in.a[2] >> shift));
      product.a[group + 8][k + 8] = kValue(static_cast<uint16_t>(in.a[3] >> shift));
      product.b[k][group] = kValue(static_cast<uint16_t>(in.b[0] >> shift));
      product.b[k + 8][group] = kValue(static_cast<uint16_t>(in.b[1] >> shift));
    }
  });
}

void complete_m16n8k8_tf32(Warp& warp, uint32_t) {
  constexpr uint32_t kMantissa = 0xffffe000;
  multiply_fragments<8>(warp, [](Product<8>& product, int lane, const Fragments& in) {
    const int group = lane / 4;
    const int thread = lane % 4;
    product.a[group][thread] = value_of_bits(in.a[0] & kMantissa);
    product.a[group + 8][thread] = value_of_bits(in.a[1] & kMantissa);
    product.a[group][thread + 4] = value_of_bits(in.a[2] & kMantissa);
    product.a[group + 8][thread + 4] = value_of_bits(in.a[3] & kMantissa);
    product.b[thread][group] = value_of_bits(in.b[0] & kMantissa);
    product.b[thread + 4][group] = value_of_bits(in.b[1] & kMantissa);
  });
}

void multiply(float* d, const uint32_t* a, const uint32_t* b, const float* c, Completion complete,
              const Site& site) {
  Fragments fragments{};
  std::memcpy(fragments.a.data(), a, sizeof fragments.a);
  std::memcpy(fragments.b.data(), b, sizeof fragments.b);
  std::memcpy(fragments.c.data(), c, sizeof fragments.c);
  LanePayload& result =
      meet(Collective::kMatrixProduct, kAllLanes, &fragments, sizeof fragments, complete, site);
  std::memcpy(d, result.bytes.data(), 4 * sizeof(float));
}

template <int kMatrices, bool kTransposed>
void complete_ldmatrix(Warp& warp, uint32_t lanes) {
  for (unsigned matrix = 0; matrix < kMatrices; ++matrix) {
    std::array<std::array<uint16_t, 8>, 8> elements{};
    for (unsigned row = 0; row < 8; ++row) {
      if ((lanes >> (matrix * 8 + row) & 1) == 0) continue;
      std::memcpy(elements[row].data(), warp.in[matrix * 8 + row].as<const void*>(), sizeof elements[row]);
    }
    for (unsigned lane = 0; lane < 32; ++lane) {
      const unsigned major = lane / 4;
      const unsigned minor = lane % 4 * 2;
      const uint32_t low = kTransposed ? elements[minor][major] : elements[major][minor];
      const uint32_t high = kTransposed ? elements[minor + 1][major] : elements[major][minor + 1];
      warp.out[lane].as<std::array<uint32_t, 4>>()[matrix] = low | high << 16;
    }
  }
}

Completion completion_of(int matrices, bool transposed) {
  switch (matrices) {
    case 1:
      return transposed ? complete_ldmatrix<1, true> : complete_ldmatrix<1, false>;
    case 2:
      return transposed ? complete_ldmatrix<2, true> : complete_ldmatrix<2, false>;
    default:
      return transposed ? complete_ldmatrix<4, true> : complete_ldmatrix<4, false>;
  }
}

}  // namespace

float bfloat16_value(uint16_t bits) {
  return value_of_bits(static_cast<uint32_t>(bits) << 16);
}

float half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  float magnitude = 0;
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else if (exponent == 31) {
    magnitude =
        mantissa != 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa | 1024), exponent - 25);
  }
  return (bits >> 15) != 0 ? -magnitude : magnitude;
}

void mma_m16n8k16(float* d, const uint32_t* a, const uint32_t* b, const float* c, MatrixElement element,
                  const Site& site) {
  multiply(
      d, a, b, c,
      element == MatrixElement::kHalf ? complete_m16n8k16<half_value> : complete_m16n8k16<bfloat16_value>,
      site);
}

void mma_m16n8k8_tf32(float* d, const uint32_t* a, const uint32_t* b, const float* c, const Site& site) {
  multiply(d, a, b, c, complete_m16n8k8_tf32, site);
}

void ldmatrix(uint32_t* result, int matrices, bool transposed, const void* row, const Site& site) {
  if (static_cast<int>(current->lane) < 8 * matrices)
    check_access(row, 16, Access::kRead, site, Space::kShared);
  const LanePayload& out =
      meet(Collective::kMatrixLoad, kAllLanes, &row, sizeof row, completion_of(matrices, transposed), site);
  std::memcpy(result, out.bytes.data(), static_cast<size_t>(matrices) * sizeof(uint32_t));
}

}  // namespace infill::cudasim
