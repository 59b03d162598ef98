// The backward of one gated 3x3 convolution, and the gate of its result alone, forward and backward, NHWC,
// for the profile.
//
// Usage: gated_conv2d_backward_profile HEIGHT WIDTH IN_CHANNELS OUT_CHANNELS PRECISION
//
// PRECISION is its number. IN_CHANNELS 0: the gate only.
#include "cuda/gate.h"
#include "cuda/gated_conv2d_backward.h"
#include "profile.h"

int main(int argc, char** argv) {
  using namespace infill::cuda;
  if (argc != 6) return 2;
  const auto number = [&](int i) { return std::atoi(argv[i]); };
  const int height = number(1);
  const int width = number(2);
  const int in = number(3);
  const int out = number(4);
  const auto precision = static_cast<Precision>(number(5));
  const auto map = [&](int channels) {
    return profile::zeros<float>(size_t(height) * size_t(width) * size_t(channels));
  };
  const auto strides = [&](int channels) { return channels_last(height, width, channels); };
  const float* z = map(2 * out);
  const Activation elu = Activation::kElu;
  profile::check(
      gate({elu, precision, 1, out, height, width, z, strides(2 * out), map(out), strides(out)}, nullptr));
  profile::check(gate_backward({elu, precision, 1, out, height, width, z, strides(2 * out), map(out),
                                strides(out), map(2 * out), strides(2 * out)},
                               nullptr));
  if (in == 0) {
    profile::finish();
    return 0;
  }

  const size_t weights = size_t(2 * out) * size_t(in) * 9;
  const auto rows = [&] { return profile::zeros<float>(size_t(2 * out)); };

  GatedConv2dBackwardCall call;
  call.layer.in_channels = in;
  call.layer.out_channels = out;
  call.layer.precision = precision;
  call.in_height = call.out_height = height;
  call.in_width = call.out_width = width;
  call.pad_top = call.pad_left = 1;
  call.x = map(in);
  call.grad_x = map(in);
  call.x_strides = call.grad_x_strides = strides(in);
  call.weights = {profile::zeros<float>(weights), int64_t{9} * in, 9, 3, 1, rows()};
  call.grad_weights = {profile::zeros<float>(weights), int64_t{9} * in, 9, 3, 1, rows()};
  call.grad = map(out);
  call.grad_strides = strides(out);
  call.workspace = profile::zeros<unsigned char>(gated_conv2d_backward_workspace(call));
  profile::check(gated_conv2d_backward(call, nullptr));

  // A stride beyond the filter leaves rows of dx that are cleared.
  call.layer.kernel_height = call.layer.kernel_width = 1;
  call.layer.stride_y = 2;
  call.out_height = height / 2;
  call.pad_top = call.pad_left = 0;
  call.grad_strides = channels_last(height / 2, width, out);
  call.grad_weights = {};
  call.workspace = profile::zeros<unsigned char>(gated_conv2d_backward_workspace(call));
  profile::check(gated_conv2d_backward(call, nullptr));
  profile::finish();
  return 0;
}
