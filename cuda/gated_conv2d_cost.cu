// Counts what gated_conv2d executes. Host only: the numbers follow from the plan.
#include <algorithm>

#include "cuda/gated_conv2d_plan.h"

namespace infill::cuda {

GatedConv2dCost gated_conv2d_cost(const GatedConv2dCall& call) {
  GatedConv2dCost cost;
  const GatedConv2dPlan plan = gated_conv2d_plan(call, /*tensor_cores=*/true);
  if (plan.error != cudaSuccess || plan.tile == GatedConv2dTile::kSimt) return cost;
  const GatedConv2dLayer& layer = call.layer;
  const PackedLayout& layout = plan.layout;
  const TileShape tile = shape_of(plan.tile);
  const auto element = double(element_bytes(layer.precision));
  const double rows = double(layer.out_channels) * (layer.gated ? 2 : 1);
  const double taps = double(layer.kernel_height) * layer.kernel_width;
  const double pixels = double(plan.pixels);
  const int64_t pixel_tiles = (plan.pixels + tile.pixels() - 1) / tile.pixels();
  const int64_t channel_tiles = (layout.rows + tile.columns() - 1) / tile.columns();

  cost.tile = plan.tile;
  cost.threads = tile.threads();
  cost.shared_bytes = tile.shared_bytes();
  cost.blocks = pixel_tiles * channel_tiles;
  cost.products = layer.precision == Precision::kFloat32 ? 3 : 1;
  cost.needed_multiply_adds = pixels * rows * layer.in_channels * taps;
  const double step_elements = kStepBytes / element;
  cost.executed_multiply_adds =
      double(cost.blocks) * tile.pixels() * tile.columns() * layout.steps * step_elements * cost.products;

  const double x_bytes = double(call.batch) * call.in_height * call.in_width * layer.in_channels * element;
  const double y_bytes = pixels * layer.out_channels * element;
  cost.minimum_bytes = x_bytes + rows * layer.in_channels * taps * element + y_bytes;
  // A block asks for every tap of its pixels, and for its rows of the weights.
  const double tap_bytes = double(layer.kernel_height) * layout.kernel_width * layout.channels * element;
  const double weight_bytes = double(pixel_tiles) *
                              double(std::min<int64_t>(layout.rows, channel_tiles * tile.columns())) *
                              layout.steps * kStepBytes;
  cost.read_bytes = pixels * tap_bytes * double(channel_tiles) + weight_bytes;
  cost.written_bytes = y_bytes;
  if (plan.copy) {
    const double copied = double(call.batch) * call.in_height * plan.copy_width;
    cost.read_bytes += copied * layout.channels * element;
    cost.written_bytes += copied * plan.copy_pitch * element;
  }
  return cost;
}

}  // namespace infill::cuda
