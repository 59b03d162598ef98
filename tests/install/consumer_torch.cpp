// A gated convolution and its gradient, with the installed library.
#include <ATen/ATen.h>
#include <infill/ops/gated_conv2d.h>

#include <cstdio>

int main() {
  const auto x = at::ones({1, 3, 8, 8});
  auto weight = at::zeros({4, 3, 3, 3}).requires_grad_();
  const auto bias = at::ones({4});
  const auto y = infill::gated_conv2d(x, weight, bias, {1, 1}, {1, 1, 1, 1}, {1, 1}, "elu");
  y.sum().backward();
  std::printf("gated_conv2d: %.4f, gradient %.4f\n", y[0][0][0][0].item<double>(),
              weight.grad().max().item<double>());
  return y.size(1) == 2 && y.max().item<double>() > 0.731 && y.max().item<double>() < 0.732 ? 0 : 1;
}
