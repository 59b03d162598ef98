// Counts what gated_conv2d_backward executes. Host only: the numbers follow from the plan.
#include "cuda/gated_conv2d_backward_plan.h"

namespace infill::cuda {
namespace {

void add(GatedConv2dCost& sum, const GatedConv2dCost& part) {
  sum.needed_multiply_adds += part.needed_multiply_adds;
  sum.executed_multiply_adds += part.executed_multiply_adds;
  sum.products = part.products;
  sum.read_bytes += part.read_bytes;
  sum.written_bytes += part.written_bytes;
  sum.blocks += part.blocks;
  sum.threads = part.threads;
  sum.shared_bytes = part.shared_bytes;
  sum.tile = part.tile;
}

}  // namespace

GatedConv2dBackwardCost gated_conv2d_backward_cost(const GatedConv2dBackwardCall& call) {
  GatedConv2dBackwardCost cost;
  const GatedConv2dBackwardPlan plan = gated_conv2d_backward_plan(call, /*tensor_cores=*/true);
  if (plan.error != cudaSuccess || plan.forward.tile == GatedConv2dTile::kSimt) return cost;
  const GatedConv2dLayer& layer = call.layer;
  const auto element = double(element_bytes(layer.precision));
  const double pixels = double(plan.forward.pixels);
  const double rows = 2.0 * layer.out_channels;
  const double taps = double(layer.kernel_height) * layer.kernel_width;
  const double x_bytes = double(call.batch) * call.in_height * call.in_width * layer.in_channels * element;
  const double dz_bytes = pixels * rows * element;
  const double weight_bytes = rows * layer.in_channels * taps * element;

  cost.z = gated_conv2d_cost(forward_call(call));
  // It reads dy and writes dz instead of y.
  cost.z.minimum_bytes += dz_bytes;
  cost.z.read_bytes += dz_bytes / 2;
  cost.z.written_bytes += dz_bytes / 2;

  if (call.grad_x != nullptr) {
    const TapAxis down = vertical(call);
    const TapAxis right = horizontal(call);
    for (int32_t i = 0; i < down.classes() * right.classes(); ++i) {
      const TapClass y = down.at(i / right.classes());
      const TapClass x = right.at(i % right.classes());
      if (y.rows > 0 && x.rows > 0) add(cost.x, gated_conv2d_cost(grad_x_call(call, plan, y, x)));
    }
    cost.x.minimum_bytes = dz_bytes + weight_bytes + x_bytes;
  }

  if (call.grad_weights.weight != nullptr) {
    const WeightTileShape& shape = kWeightTileShapes[plan.weight_tile];
    const int64_t step = step_pixels(layer.precision);
    const auto summed = double((plan.forward.pixels + step - 1) / step * step);
    const double sums = double(plan.parts) * double(plan.columns()) * double(plan.rows()) * sizeof(float);
    GatedConv2dCost& w = cost.weight;
    w.products = cost.z.products;
    w.blocks = int64_t{plan.column_tiles} * plan.row_tiles * plan.parts;
    w.threads = shape.threads();
    w.shared_bytes = shape.shared_bytes();
    w.needed_multiply_adds = pixels * rows * layer.in_channels * taps;
    w.executed_multiply_adds = summed * double(plan.columns()) * double(plan.rows()) * w.products;
    w.minimum_bytes = x_bytes + dz_bytes + weight_bytes;
    // Every block asks for its columns and rows of every pixel of its part; then parts are added.
    const double columns = taps * layer.in_channels;
    w.read_bytes = pixels * element * (columns * plan.row_tiles + rows * plan.column_tiles) + sums;
    w.written_bytes = sums + weight_bytes;
  }
  return cost;
}

}  // namespace infill::cuda
