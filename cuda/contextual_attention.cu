#include "cuda/contextual_attention.h"
#include "cuda/contextual_attention_passes.cuh"
#include "cuda/contextual_attention_paste.cuh"
#include "cuda/contextual_attention_plan.h"
#include "cuda/contextual_attention_prepare.cuh"

namespace infill::cuda {
namespace attention {
namespace {

template <class T>
constexpr unsigned blocks(T count, int each) {
  return static_cast<unsigned>((count + each - 1) / each);
}

template <class T>
T* at(const ContextualAttentionCall& call, size_t offset) {
  return reinterpret_cast<T*>(static_cast<char*>(call.workspace) + offset);
}

}  // namespace

namespace {

template <class T>
cudaError_t prepare_keys(const PrepareArguments& arguments, cudaStream_t stream) {
  const Shape& shape = arguments.shape;
  cudaError_t error = cudaMemsetAsync(arguments.counters, 0, 4 * sizeof(int32_t), stream);
  if (error != cudaSuccess) return error;
  INFILL_LAUNCH((squares_kernel<T>), blocks(int64_t{shape.h} * shape.w * 32, kPlainThreads), kPlainThreads, 0,
                stream, arguments);
  if ((error = cudaGetLastError()) != cudaSuccess) return error;
  INFILL_LAUNCH(inverse_kernel, blocks(int64_t{shape.rows} * shape.lanes, kPlainThreads), kPlainThreads, 0,
                stream, arguments);
  if ((error = cudaGetLastError()) != cudaSuccess) return error;
  INFILL_LAUNCH(valid_kernel, static_cast<unsigned>(shape.h), kPlainThreads, 0, stream, arguments);
  return cudaGetLastError();
}

}  // namespace

cudaError_t prepare_keys(const PrepareArguments& arguments, Precision precision, cudaStream_t stream) {
  switch (precision) {
    case Precision::kFloat32:
    case Precision::kTf32:
      return prepare_keys<float>(arguments, stream);
    case Precision::kFloat16:
      return prepare_keys<__half>(arguments, stream);
    case Precision::kBfloat16:
      return prepare_keys<__nv_bfloat16>(arguments, stream);
  }
  return cudaErrorInvalidValue;
}

namespace {

// One item of the batch.
template <Precision kPrecision>
class Item {
 public:
  using T = Storage<kPrecision>;

  Item(const ContextualAttentionCall& call, const Plan& plan, int item, cudaStream_t stream)
      : call_(call),
        shape_(plan.shape),
        tiling_(plan.tiling),
        layout_(plan.layout),
        item_(item),
        stream_(stream) {}

  cudaError_t operator()() {
    if (const cudaError_t error = prepare(); error != cudaSuccess) return error;
    if (const cudaError_t error = find_statistics(); error != cudaSuccess) return error;
    if (call_.wanted != nullptr) {
      INFILL_LAUNCH((clear_kernel<T>),
                    blocks(int64_t{shape_.height} * shape_.width * shape_.channels, kPlainThreads),
                    kPlainThreads, 0, stream_, store_arguments());
      if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
    }
    for (int tile = 0; tile < tiling_.tiles(); tile += tiling_.panel_tiles) {
      if (const cudaError_t error = paste(tile); error != cudaSuccess) return error;
    }
    return cudaSuccess;
  }

 private:
  [[nodiscard]] int64_t positions() const { return int64_t{shape_.h} * shape_.w; }
  [[nodiscard]] const uint8_t* wanted() const {
    return call_.wanted == nullptr ? nullptr : call_.wanted + item_ * positions();
  }

  cudaError_t prepare() {
    PrepareArguments arguments{};
    arguments.shape = shape_;
    arguments.tiling = tiling_;
    arguments.f = static_cast<const T*>(call_.f) + item_ * call_.f_strides.picture;
    arguments.b = static_cast<const T*>(call_.b) + item_ * call_.b_strides.picture;
    arguments.f_strides = call_.f_strides;
    arguments.b_strides = call_.b_strides;
    const int64_t mask = (int64_t{shape_.height} << shape_.n_down) * (int64_t{shape_.width} << shape_.n_down);
    if (call_.mask_bytes != nullptr) arguments.mask_bytes = call_.mask_bytes + item_ * mask;
    if (call_.mask_floats != nullptr) arguments.mask_floats = call_.mask_floats + item_ * mask;
    arguments.wanted = wanted();
    arguments.queries = at<T>(call_, layout_.queries);
    arguments.keys = at<T>(call_, layout_.keys);
    arguments.inverse = at<float>(call_, layout_.inverse);
    arguments.squares = at<float>(call_, layout_.squares);
    arguments.hole = at<uint8_t>(call_, layout_.hole);
    arguments.valid = at<uint32_t>(call_, layout_.valid);
    arguments.valid_words = layout_.valid_words;
    arguments.cells = at<T>(call_, layout_.cells);
    arguments.cell_pitch = layout_.cell_pitch;
    arguments.counters = at<int32_t>(call_, layout_.counters);
    arguments.flags = at<int32_t>(call_, layout_.flags);
    arguments.lists = at<int32_t>(call_, layout_.lists);

    const unsigned channels = blocks(shape_.depth, 32);
    INFILL_LAUNCH((lanes_kernel<T>),
                  dim3(static_cast<unsigned>(shape_.rows) * blocks(shape_.lanes, 32), channels, 2),
                  kPlainThreads, 0, stream_, arguments);
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
    INFILL_LAUNCH((cells_kernel<T>), dim3(blocks(layout_.cell_pitch, 32), channels, 4), kPlainThreads, 0,
                  stream_, arguments);
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
    if (const cudaError_t error = prepare_keys(arguments, kPrecision, stream_); error != cudaSuccess)
      return error;
    INFILL_LAUNCH(flags_kernel, static_cast<unsigned>(tiling_.tiles()), kPlainThreads, 0, stream_, arguments);
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
    INFILL_LAUNCH(lists_kernel, 2U, kPlainThreads, 0, stream_, arguments);
    return cudaGetLastError();
  }

  // what: 0, tiles with needed queries; 1, with wanted cells.
  [[nodiscard]] ScoreArguments score_arguments(int what) const {
    ScoreArguments arguments{};
    arguments.shape = shape_;
    arguments.tiling = tiling_;
    arguments.queries = at<T>(call_, layout_.queries);
    arguments.keys = at<T>(call_, layout_.keys);
    arguments.inverse = at<float>(call_, layout_.inverse);
    arguments.valid = at<uint32_t>(call_, layout_.valid);
    arguments.valid_words = layout_.valid_words;
    arguments.scale = call_.scale;
    arguments.tiles = at<int32_t>(call_, layout_.lists) + what * tiling_.tiles();
    arguments.tile_count = at<int32_t>(call_, layout_.counters) + 1 + what;
    arguments.partial = at<float2>(call_, layout_.partial);
    arguments.offsets = at<float>(call_, layout_.offsets);
    arguments.offset_pitch = layout_.offset_pitch;
    arguments.weights = at<T>(call_, layout_.weights);
    arguments.weight_pitch = layout_.weight_pitch;
    return arguments;
  }

  cudaError_t find_statistics() {
    const auto splits = static_cast<unsigned>(tiling_.statistics_key_segments * tiling_.statistics_splits);
    INFILL_LAUNCH((statistics_kernel<kPrecision>), dim3(static_cast<unsigned>(tiling_.tiles()), splits),
                  kWalkThreads, sizeof(ScoreShared) + sizeof(StatisticsShared), stream_, score_arguments(0));
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
    CombineArguments combine{};
    combine.shape = shape_;
    combine.splits = static_cast<int32_t>(splits);
    combine.offset_pitch = layout_.offset_pitch;
    combine.partial = at<float2>(call_, layout_.partial);
    combine.masked = at<int32_t>(call_, layout_.counters);
    combine.wanted = wanted();
    combine.offsets = at<float>(call_, layout_.offsets);
    if (call_.maximum != nullptr) combine.maximum = call_.maximum + item_ * positions();
    if (call_.denominator != nullptr) combine.denominator = call_.denominator + item_ * positions();
    INFILL_LAUNCH(combine_kernel, static_cast<unsigned>(shape_.h), kPlainThreads, 0, stream_, combine);
    return cudaGetLastError();
  }

  template <int kSide, int kM>
  cudaError_t launch_paste(const PasteArguments& arguments) const {
    constexpr int kN = 4;
    constexpr int kThreads = block_threads<kSide, kSide, kM, kN>();
    INFILL_LAUNCH((paste_kernel<kPrecision, kSide, kSide, kM, kN>),
                  dim3(blocks(arguments.rows, kSide), blocks(arguments.columns, kSide),
                       static_cast<unsigned>(arguments.splits)),
                  kThreads, (block_shared_bytes<kSide, kSide>()), stream_, arguments);
    return cudaGetLastError();
  }

  // The panel of tiles from `first_tile` of the list.
  cudaError_t paste(int first_tile) {
    ScoreArguments scores = score_arguments(1);
    scores.first_tile = first_tile;
    PasteArguments arguments{};
    arguments.weights = scores.weights;
    arguments.sums = at<float>(call_, layout_.sums);
    arguments.weight_pitch = layout_.weight_pitch;
    arguments.cell_pitch = layout_.cell_pitch;
    arguments.rows = tiling_.panel_tiles * tiling_.tile_cells();
    arguments.columns = 4 * shape_.channels;
    arguments.splits = tiling_.product_splits;
    arguments.tile_count = scores.tile_count;
    arguments.first_tile = first_tile;
    arguments.tile_cells = tiling_.tile_cells();
    for (int row = 0; row < shape_.cells_h; row += tiling_.window_rows) {
      scores.key_begin = row;
      scores.key_end = least(row + tiling_.window_rows, shape_.cells_h);
      INFILL_LAUNCH((weights_kernel<kPrecision>),
                    dim3(static_cast<unsigned>(tiling_.panel_tiles),
                         static_cast<unsigned>(tiling_.paste_key_segments * tiling_.paste_splits)),
                    kWalkThreads, kWeightsSharedBytes, stream_, scores);
      if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
      arguments.cells = at<T>(call_, layout_.cells) + int64_t{row} * shape_.cells_w;
      arguments.keys = (scores.key_end - row) * shape_.cells_w;
      arguments.adds = row > 0;
      const cudaError_t error =
          tiling_.large_product ? launch_paste<128, 4>(arguments) : launch_paste<64, 2>(arguments);
      if (error != cudaSuccess) return error;
    }
    StoreArguments store = store_arguments();
    store.first_tile = first_tile;
    INFILL_LAUNCH((store_kernel<T>), dim3(blocks(arguments.rows, 32), blocks(shape_.channels, 32), 4),
                  kPlainThreads, 0, stream_, store);
    return cudaGetLastError();
  }

  [[nodiscard]] StoreArguments store_arguments() const {
    StoreArguments arguments{};
    arguments.shape = shape_;
    arguments.tiling = tiling_;
    arguments.sums = at<float>(call_, layout_.sums);
    arguments.tiles = at<int32_t>(call_, layout_.lists) + tiling_.tiles();
    arguments.tile_count = at<int32_t>(call_, layout_.counters) + 2;
    arguments.wanted = wanted();
    // Pasted patches overlap fourfold.
    arguments.factor = 0.25F / weight_scale(kPrecision);
    arguments.y = static_cast<T*>(call_.y) + item_ * call_.y_strides.picture;
    arguments.y_strides = call_.y_strides;
    return arguments;
  }

  const ContextualAttentionCall& call_;
  const Shape& shape_;
  const Tiling& tiling_;
  const Layout& layout_;
  int item_;
  cudaStream_t stream_;
};

template <Precision kPrecision>
cudaError_t run(const ContextualAttentionCall& call, const Plan& plan, cudaStream_t stream) {
  // Rows of tiles that reach over the edge are never written, but multiplied.
  const cudaError_t error =
      cudaMemsetAsync(at<char>(call, plan.layout.weights), 0, plan.layout.sums - plan.layout.weights, stream);
  if (error != cudaSuccess) return error;
  for (int item = 0; item < call.items; ++item) {
    if (const cudaError_t failed = Item<kPrecision>(call, plan, item, stream)(); failed != cudaSuccess)
      return failed;
  }
  return cudaSuccess;
}

}  // namespace
}  // namespace attention

cudaError_t contextual_attention(const ContextualAttentionCall& call, cudaStream_t stream) {
  const attention::Plan plan = attention::plan_of(call);
  if (!plan.supported || (call.mask_bytes != nullptr && call.mask_floats != nullptr))
    return cudaErrorInvalidValue;
  if (call.items == 0) return cudaSuccess;
  if (call.f == nullptr || call.b == nullptr || call.y == nullptr || call.workspace == nullptr ||
      call.workspace_bytes < plan.layout.total || reinterpret_cast<uintptr_t>(call.workspace) % 256 != 0)
    return cudaErrorInvalidValue;
  switch (call.precision) {
    case Precision::kFloat32:
      return attention::run<Precision::kFloat32>(call, plan, stream);
    case Precision::kTf32:
      return attention::run<Precision::kTf32>(call, plan, stream);
    case Precision::kFloat16:
      return attention::run<Precision::kFloat16>(call, plan, stream);
    case Precision::kBfloat16:
      return attention::run<Precision::kBfloat16>(call, plan, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace infill::cuda
