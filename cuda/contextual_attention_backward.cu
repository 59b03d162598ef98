#include "cuda/contextual_attention_backward.h"
#include "cuda/contextual_attention_backward_gather.cuh"
#include "cuda/contextual_attention_backward_plan.h"
#include "cuda/contextual_attention_backward_scores.cuh"
#include "cuda/contextual_attention_prepare.h"

namespace infill::cuda {
namespace attention {
namespace {

constexpr unsigned blocks(int64_t count, int64_t each) {
  return static_cast<unsigned>((count + each - 1) / each);
}

// Gradients are products of floats.
constexpr Precision gradient_precision(Precision precision) {
  return precision == Precision::kFloat32 ? precision : Precision::kTf32;
}

// One item of the batch.
template <Precision kPrecision>
class GradientItem {
 public:
  using T = Storage<kPrecision>;

  GradientItem(const ContextualAttentionBackwardCall& call, const GradientPlan& plan, int item,
               cudaStream_t stream)
      : call_(call),
        shape_(plan.shape),
        tiling_(plan.tiling),
        layout_(plan.layout),
        item_(item),
        stream_(stream) {}

  cudaError_t operator()() {
    begin();
    for (int query = 0; query < tiling_.tiles() && good(); ++query) {
      queries_ = tile_of(shape_, tiling_, query);
      gather<false>(call_.f, call_.f_strides, queries_, layout_.queries, layout_.queries_across);
      gather<true>(call_.grad, call_.grad_strides, queries_, layout_.grad_cells, layout_.grad_cells_across);
      for (int key = 0; key < tiling_.tiles() && good(); ++key) {
        compare(key);
        INFILL_LAUNCH(softmax_kernel, static_cast<unsigned>(queries_.position_count()), kSoftmaxThreads, 0,
                      stream_, pair());
        check();
      }
      // From the last tile back, which has been compared already.
      for (int key = tiling_.tiles() - 1; key >= 0 && good(); --key) {
        if (key + 1 < tiling_.tiles()) compare(key);
        differentiate();
      }
    }
    if (good()) finish();
    return error_;
  }

 private:
  template <class Value>
  [[nodiscard]] Value* at(size_t offset) const {
    return reinterpret_cast<Value*>(static_cast<char*>(call_.workspace) + offset);
  }
  [[nodiscard]] float* matrix(int index) const { return at<float>(layout_.matrices[index]); }
  [[nodiscard]] int64_t positions() const { return int64_t{shape_.h} * shape_.w; }
  [[nodiscard]] bool good() const { return error_ == cudaSuccess; }
  void check() {
    if (good()) error_ = cudaGetLastError();
  }

  void begin() {
    PrepareArguments arguments{};
    arguments.shape = shape_;
    arguments.b = static_cast<const T*>(call_.b) + item_ * call_.b_strides.picture;
    arguments.b_strides = call_.b_strides;
    const int64_t mask = (int64_t{shape_.height} << shape_.n_down) * (int64_t{shape_.width} << shape_.n_down);
    if (call_.mask_bytes != nullptr) arguments.mask_bytes = call_.mask_bytes + item_ * mask;
    if (call_.mask_floats != nullptr) arguments.mask_floats = call_.mask_floats + item_ * mask;
    arguments.squares = at<float>(layout_.squares);
    arguments.hole = at<uint8_t>(layout_.hole);
    arguments.inverse = at<float>(layout_.inverse);
    arguments.valid = at<uint32_t>(layout_.valid);
    arguments.valid_words = layout_.valid_words;
    arguments.counters = at<int32_t>(layout_.counters);
    error_ = prepare_keys(arguments, kPrecision, stream_);
    if (!good()) return;
    error_ = cudaMemsetAsync(at<char>(layout_.query_sums), 0, layout_.sums_end - layout_.query_sums, stream_);
    if (!good()) return;
    INFILL_LAUNCH(begin_softmax_kernel, blocks(positions(), kPlainThreads), kPlainThreads, 0, stream_,
                  BeginArguments{positions(), at<int32_t>(layout_.counters), at<float>(layout_.statistics)});
    check();
  }

  template <bool kCells>
  void gather(const void* image, const FeatureStrides& strides, const Tile& tile, size_t rows,
              size_t across) {
    GatherArguments arguments{};
    arguments.shape = shape_;
    arguments.tile = tile;
    arguments.image = static_cast<const T*>(image) + item_ * strides.picture;
    arguments.strides = strides;
    arguments.rows = at<T>(rows);
    arguments.pitch = kCells ? layout_.cell_channel_pitch : layout_.channel_pitch;
    if (across != 0) arguments.across = at<float>(across);
    arguments.across_pitch = layout_.lane_pitch;
    INFILL_LAUNCH((gather_kernel<T, kCells>),
                  dim3(blocks(kCells ? tile.cell_count() : tile.lane_count(), 32),
                       blocks(shape_.channels, 32), kCells ? 4 : 1),
                  kPlainThreads, 0, stream_, arguments);
    check();
  }

  template <Precision kOf, int kRows, int kColumns, int kM>
  void launch_product(const ProductArguments& arguments) {
    constexpr int kN = 4;
    INFILL_LAUNCH((product_kernel<kOf, kRows, kColumns, kM, kN>),
                  dim3(blocks(arguments.a.rows, kRows), blocks(arguments.b.rows, kColumns),
                       static_cast<unsigned>(arguments.splits)),
                  (block_threads<kRows, kColumns, kM, kN>()), (block_shared_bytes<kRows, kColumns>()),
                  stream_, arguments);
    check();
  }

  // out = a b^T
  void multiply(const Operand& a, const Operand& b, int depth, float* out) {
    const ProductShape shape = product_shape(a.rows, b.rows, depth, sizeof(T), false);
    const ProductArguments arguments{a, b, depth, shape.splits, out, layout_.lane_pitch, 0};
    if (shape.rows == 128) {
      launch_product<kPrecision, 128, 128, 4>(arguments);
    } else {
      launch_product<kPrecision, 64, 64, 2>(arguments);
    }
  }

  // sums += a b^T, for the lanes or cells of a tile.
  template <bool kCells>
  void accumulate(const Tile& tile, const float* a, size_t b, int depth, size_t sums) {
    constexpr Precision kOf = gradient_precision(kPrecision);
    const int rows = kCells ? tile.cell_count() : tile.lane_count();
    const int columns = kCells ? 4 * shape_.channels : shape_.channels;
    const ProductShape shape = product_shape(rows, columns, depth, sizeof(float), true);
    const int64_t pitch = columns + columns % 2;
    const ProductArguments product{{a, layout_.lane_pitch, rows},
                                   {at<float>(b), layout_.lane_pitch, columns},
                                   depth,
                                   shape.splits,
                                   at<float>(layout_.parts),
                                   pitch,
                                   rows * pitch};
    if (shape.rows == 128) {
      launch_product<kOf, 128, 128, 4>(product);
    } else if (shape.columns == 96) {
      launch_product<kOf, 64, 96, 2>(product);
    } else {
      launch_product<kOf, 64, 64, 2>(product);
    }
    const AddArguments add{shape_,  tile,         product.out,    pitch, product.split_pitch,
                           columns, shape.splits, at<float>(sums)};
    INFILL_LAUNCH((add_kernel<kCells>), blocks(int64_t{rows} * columns, kPlainThreads), kPlainThreads, 0,
                  stream_, add);
    check();
  }

  // Matrices are used again as soon as nobody reads them: 0, products of pixels, then of cells, then weights
  // of cells, then gradients of products; 1, scores; 2, weights, then gradients of scores; 3, gradients of
  // the softmax, then gradients of products the other way round.
  [[nodiscard]] PairArguments pair() const {
    PairArguments arguments{};
    arguments.shape = shape_;
    arguments.queries = queries_;
    arguments.keys = keys_;
    arguments.pitch = layout_.lane_pitch;
    arguments.inverse = at<float>(layout_.inverse);
    arguments.valid = at<uint32_t>(layout_.valid);
    arguments.valid_words = layout_.valid_words;
    arguments.scale = call_.scale;
    arguments.statistics = at<float>(layout_.statistics);
    arguments.products = arguments.cells = arguments.cell_weights = arguments.product_slopes = matrix(0);
    arguments.scores = matrix(1);
    arguments.weights = arguments.score_slopes = matrix(2);
    arguments.slopes = arguments.product_slopes_across = matrix(3);
    arguments.along = at<float>(layout_.along);
    return arguments;
  }

  // Scores and gradients of weights of the queries with tile `key`.
  void compare(int key) {
    keys_ = tile_of(shape_, tiling_, key);
    gather<false>(call_.b, call_.b_strides, keys_, layout_.keys, layout_.keys_across);
    gather<true>(call_.b, call_.b_strides, keys_, layout_.cells, 0);
    multiply({at<T>(layout_.queries), layout_.channel_pitch, queries_.lane_count()},
             {at<T>(layout_.keys), layout_.channel_pitch, keys_.lane_count()}, shape_.channels, matrix(0));
    INFILL_LAUNCH(scores_kernel, dim3(blocks(keys_.lane_count(), 32), blocks(queries_.lane_count(), 8)),
                  kPlainThreads, 0, stream_, pair());
    check();
    multiply({at<T>(layout_.grad_cells), layout_.cell_channel_pitch, queries_.cell_count()},
             {at<T>(layout_.cells), layout_.cell_channel_pitch, keys_.cell_count()}, 4 * shape_.channels,
             matrix(0));
  }

  // Adds what the pair of tiles gives to the gradients.
  void differentiate() {
    const PairArguments arguments = pair();
    const auto grid = [](int keys, int queries, int rows) {
      return dim3(blocks(keys, 32), blocks(queries, rows));
    };
    INFILL_LAUNCH(slopes_kernel, grid(keys_.position_count(), queries_.position_count(), 8), kPlainThreads, 0,
                  stream_, arguments);
    check();
    if (call_.b_grad != nullptr) {
      INFILL_LAUNCH(cell_weights_kernel, grid(keys_.cell_count(), queries_.cell_count(), 32), kPlainThreads,
                    0, stream_, arguments);
      check();
      accumulate<true>(keys_, arguments.cell_weights, layout_.grad_cells_across, queries_.cell_count(),
                       layout_.cell_sums);
    }
    INFILL_LAUNCH(score_slopes_kernel, grid(keys_.lane_count(), queries_.lane_count(), 8), kPlainThreads, 0,
                  stream_, arguments);
    check();
    INFILL_LAUNCH(product_slopes_kernel, grid(keys_.lane_count(), queries_.lane_count(), 32), kPlainThreads,
                  0, stream_, arguments);
    check();
    if (call_.f_grad != nullptr)
      accumulate<false>(queries_, arguments.product_slopes, layout_.keys_across, keys_.lane_count(),
                        layout_.query_sums);
    if (call_.b_grad == nullptr) return;
    INFILL_LAUNCH(along_kernel, blocks(keys_.lane_count(), 32), kPlainThreads, 0, stream_, arguments);
    check();
    accumulate<false>(keys_, arguments.product_slopes_across, layout_.queries_across, queries_.lane_count(),
                      layout_.key_sums);
  }

  void finish() {
    FinishArguments arguments{};
    arguments.shape = shape_;
    arguments.b = static_cast<const T*>(call_.b) + item_ * call_.b_strides.picture;
    arguments.b_strides = call_.b_strides;
    arguments.f_grad_strides = call_.f_grad_strides;
    arguments.b_grad_strides = call_.b_grad_strides;
    if (call_.f_grad != nullptr)
      arguments.f_grad = static_cast<T*>(call_.f_grad) + item_ * call_.f_grad_strides.picture;
    if (call_.b_grad != nullptr)
      arguments.b_grad = static_cast<T*>(call_.b_grad) + item_ * call_.b_grad_strides.picture;
    arguments.squares = at<float>(layout_.squares);
    arguments.query_sums = at<float>(layout_.query_sums);
    arguments.key_sums = at<float>(layout_.key_sums);
    arguments.along = at<float>(layout_.along);
    arguments.cell_sums = at<float>(layout_.cell_sums);
    arguments.position_along = at<float>(layout_.position_along);
    INFILL_LAUNCH(along_positions_kernel, blocks(positions(), kPlainThreads), kPlainThreads, 0, stream_,
                  arguments);
    check();
    INFILL_LAUNCH((finish_pixels_kernel<T>),
                  blocks(int64_t{shape_.height} * shape_.width * shape_.channels, kPlainThreads),
                  kPlainThreads, 0, stream_, arguments);
    check();
    INFILL_LAUNCH((finish_positions_kernel<T>), blocks(positions() * shape_.channels, kPlainThreads),
                  kPlainThreads, 0, stream_, arguments);
    check();
  }

  const ContextualAttentionBackwardCall& call_;
  const Shape& shape_;
  const GradientTiling& tiling_;
  const GradientLayout& layout_;
  int item_;
  cudaStream_t stream_;
  Tile queries_{}, keys_{};
  cudaError_t error_ = cudaSuccess;
};

template <Precision kPrecision>
cudaError_t run(const ContextualAttentionBackwardCall& call, const GradientPlan& plan, cudaStream_t stream) {
  for (int item = 0; item < call.items; ++item) {
    if (const cudaError_t error = GradientItem<kPrecision>(call, plan, item, stream)(); error != cudaSuccess)
      return error;
  }
  return cudaSuccess;
}

}  // namespace
}  // namespace attention

cudaError_t contextual_attention_backward(const ContextualAttentionBackwardCall& call, cudaStream_t stream) {
  const attention::GradientPlan plan = attention::gradient_plan_of(call);
  if (!plan.supported || (call.mask_bytes != nullptr && call.mask_floats != nullptr))
    return cudaErrorInvalidValue;
  if (call.items == 0) return cudaSuccess;
  if (call.grad == nullptr || call.f == nullptr || call.b == nullptr ||
      (call.f_grad == nullptr && call.b_grad == nullptr) || call.workspace == nullptr ||
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
