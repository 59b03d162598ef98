// p are keys, q queries, both positions of the h x w grid. A tile's matrices are [keys, queries].
//
// `fuse` sums along diagonals of flat indices, by rows and then by columns. For it a tile's sides have more
// positions than the tile: a row above and below, and in each row one to the left and right. In flat order
// these are neighbours across the edges of the picture, too: left of (r, 0) is (r - 1, w - 1), above (0, x)
// is (h - 1, x - 1). So each shift is a slice, and its adjoint adds to that slice.
#include "ops/contextual_attention_tiles.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/contextual_attention_prepare.h"
#include "ops/patches.h"

namespace infill::ops {
namespace {

using at::Tensor;

constexpr int64_t kRate = 2;
constexpr double kSmallestNorm = 1e-4;
// Positions on a side of a tile, about: its matrices of this squared are 16 MB in float.
constexpr int64_t kTilePositions = 2048;

// Rows [begin, end) of the grid.
struct Rows {
  int64_t begin, end;

  [[nodiscard]] int64_t count() const { return end - begin; }
};

struct Side {
  Rows rows;
  std::vector<int64_t> own;    // positions, [rows, w]
  std::vector<int64_t> lanes;  // positions that scores are needed for: own, or with fuse [rows + 2, w + 2]
  Tensor summed;               // with fuse, [rows + 2, w]: 1 where the sum by rows is one of a position
  Tensor patches;              // [lanes, 9 C]
};

// The softmax over keys that arrive in tiles.
struct Softmax {
  Tensor maximum;      // [1, queries]
  Tensor denominator;  // relative to it

  // The tile's logits become terms relative to the maximum so far. Returns what sums over earlier tiles have
  // to be multiplied with.
  Tensor add(Tensor& logits) {
    const Tensor larger = at::maximum(maximum, logits.amax({0}, /*keepdim=*/true));
    Tensor earlier = (maximum - larger).exp();
    logits.sub_(larger).exp_();
    denominator = denominator * earlier + logits.sum({0}, /*keepdim=*/true);
    maximum = larger;
    return earlier;
  }
};

class Tiles {
 public:
  explicit Tiles(const TiledAttention& attention)
      : attention_(attention),
        h_((attention.f.size(0) + kRate - 1) / kRate),
        w_((attention.f.size(1) + kRate - 1) / kRate),
        rows_(sampled_pixels(attention.f.size(0), h_, kRate)),
        columns_(sampled_pixels(attention.f.size(1), w_, kRate)),
        queries_(sampled(attention.f)),
        keys_(sampled(attention.b)),
        valid_(valid_keys()) {}

  [[nodiscard]] Tensor attend() const {
    Tensor y = at::zeros_like(attention_.b);
    for_tiles([&](Rows query_rows) {
      const Side queries = side(queries_, query_rows);
      Softmax softmax = start(queries);
      Tensor pasted = at::zeros({count(queries), 16 * channels()}, y.options());
      for_tiles([&](Rows rows) {
        const Side keys = side(keys_, rows);
        Tensor terms = logits(scores(keys, queries), keys, queries);
        const Tensor earlier = softmax.add(terms);
        pasted.mul_(earlier.t()).add_(at::matmul((terms * valid(keys)).t(), pixels(attention_.b, keys)));
      });
      scatter_patches(pasted / (4 * softmax.denominator.t()), paste(), queries.own, y);
    });
    return y;
  }

  [[nodiscard]] TiledGradients differentiate(const Tensor& grad) const {
    Tensor pasted = at::zeros_like(attention_.b);
    Tensor grad_queries = at::zeros_like(queries_);
    Tensor grad_keys = at::zeros_like(keys_);
    for_tiles([&](Rows query_rows) {
      const Side queries = side(queries_, query_rows);
      const Tensor dy = pixels(grad, queries) / 4;
      // Pass 1: the softmax, and with it each query's mean of its weights' gradients.
      Softmax softmax = start(queries);
      Tensor mean = at::zeros_like(softmax.denominator);
      for_tiles([&](Rows rows) {
        const Side keys = side(keys_, rows);
        Tensor terms = logits(scores(keys, queries), keys, queries);
        const Tensor earlier = softmax.add(terms);
        terms.mul_(at::matmul(pixels(attention_.b, keys), dy.t())).mul_(valid(keys));
        mean = mean * earlier + terms.sum({0}, /*keepdim=*/true);
      });
      mean.div_(softmax.denominator);
      // Pass 2: everything else.
      Tensor grad_patches = at::zeros_like(queries.patches);
      for_tiles([&](Rows rows) {
        const Side keys = side(keys_, rows);
        const Tensor normalised = scores(keys, queries);
        Tensor weights = logits(normalised, keys, queries);
        weights.sub_(softmax.maximum).exp_().div_(softmax.denominator).mul_(valid(keys));
        scatter_patches(at::matmul(weights, dy), paste(), keys.own, pasted);
        Tensor slopes = at::matmul(pixels(attention_.b, keys), dy.t());
        slopes.sub_(mean).mul_(weights).mul_(attention_.scale);
        differentiate_scores(attention_.fuse ? unfuse(slopes, keys, queries) : slopes, normalised, keys,
                             queries, grad_keys, grad_patches);
      });
      scatter_patches(grad_patches, compared(), queries.lanes, grad_queries);
    });
    return {unsampled(grad_queries), unsampled(grad_keys) + pasted};
  }

 private:
  [[nodiscard]] int64_t channels() const { return attention_.f.size(2); }
  [[nodiscard]] static int64_t count(const Side& side) { return static_cast<int64_t>(side.own.size()); }
  // Patches that are compared, on the grid, and those that are pasted, in the whole picture.
  [[nodiscard]] PatchShape compared() const { return {w_, 3, 1, -1}; }
  [[nodiscard]] PatchShape paste() const { return {w_, 4, kRate, -1}; }
  [[nodiscard]] Tensor pixels(const Tensor& image, const Side& side) const {
    return gather_patches(image, paste(), side.own);
  }

  // The pixels of an axis that stand for positions.
  [[nodiscard]] std::vector<int64_t> sampled_pixels(int64_t size, int64_t positions, int64_t step) const {
    std::vector<int64_t> pixels;
    for (int64_t i = 0; i < positions; ++i) {
      pixels.push_back(kernels::attention::sampled_pixel(
          static_cast<int32_t>(i), static_cast<int32_t>(positions), static_cast<int32_t>(size),
          static_cast<int32_t>(step), attention_.tf_compat));
    }
    return pixels;
  }

  [[nodiscard]] Tensor sampled(const Tensor& image) const {
    return image.index_select(0, at::tensor(rows_)).index_select(1, at::tensor(columns_)).contiguous();
  }

  // The adjoint of sampled().
  [[nodiscard]] Tensor unsampled(const Tensor& grid) const {
    Tensor rows = at::zeros({h_, attention_.f.size(1), channels()}, grid.options());
    rows.index_add_(1, at::tensor(columns_), grid);
    Tensor image = at::zeros(attention_.f.sizes(), grid.options());
    return image.index_add_(0, at::tensor(rows_), rows);
  }

  // [positions, 1]: 1 where no position of the patch is hole.
  [[nodiscard]] Tensor valid_keys() const {
    std::vector<double> valid(static_cast<size_t>(h_ * w_), 1);
    if (attention_.mask.defined()) {
      const int64_t step = kRate << attention_.n_down;
      const auto rows = sampled_pixels(attention_.mask.size(0), h_, step);
      const auto columns = sampled_pixels(attention_.mask.size(1), w_, step);
      const auto* hole = attention_.mask.const_data_ptr<uint8_t>();
      for (int64_t p = 0; p < h_ * w_; ++p) {
        const int64_t pixel = rows[static_cast<size_t>(p / w_)] * attention_.mask.size(1) +
                              columns[static_cast<size_t>(p % w_)];
        if (hole[pixel] != 0) exclude(p, valid);
      }
    }
    return at::tensor(valid, attention_.f.options()).view({h_ * w_, 1});
  }

  // The keys whose patches hold position p.
  void exclude(int64_t p, std::vector<double>& valid) const {
    for (int64_t r = std::max<int64_t>(0, p / w_ - 1); r <= std::min(h_ - 1, p / w_ + 1); ++r) {
      for (int64_t x = std::max<int64_t>(0, p % w_ - 1); x <= std::min(w_ - 1, p % w_ + 1); ++x) {
        valid[static_cast<size_t>(r * w_ + x)] = 0;
      }
    }
  }

  template <class Body>
  void for_tiles(const Body& body) const {
    const int64_t height =
        std::clamp<int64_t>(attention_.fuse ? kTilePositions / (w_ + 2) - 2 : kTilePositions / w_, 1, h_);
    for (int64_t begin = 0; begin < h_; begin += height) body(Rows{begin, std::min(begin + height, h_)});
  }

  [[nodiscard]] Side side(const Tensor& grid, Rows rows) const {
    Side side{rows, {}, {}, {}, {}};
    for (int64_t p = rows.begin * w_; p < rows.end * w_; ++p) side.own.push_back(p);
    if (attention_.fuse) {
      std::vector<double> summed;
      for (int64_t row = rows.begin - 1; row <= rows.end; ++row) {
        const int64_t shift = row < 0 ? -1 : (row == h_ ? 1 : 0);
        const int64_t first = (row - shift * h_) * w_ + shift;
        for (int64_t x = -1; x <= w_; ++x) {
          const int64_t flat = first + x;
          side.lanes.push_back(flat >= 0 && flat < h_ * w_ ? flat : -1);
          if (x >= 0 && x < w_) summed.push_back(x + shift >= 0 && x + shift < w_ ? 1 : 0);
        }
      }
      side.summed = at::tensor(summed, grid.options()).view({rows.count() + 2, w_});
    } else {
      side.lanes = side.own;
    }
    side.patches = gather_patches(grid, compared(), side.lanes);
    return side;
  }

  [[nodiscard]] static Softmax start(const Side& queries) {
    const auto options = queries.patches.options();
    return {at::full({1, count(queries)}, -std::numeric_limits<double>::infinity(), options),
            at::zeros({1, count(queries)}, options)};
  }

  [[nodiscard]] Tensor valid(const Side& keys) const {
    return valid_.narrow(0, keys.rows.begin * w_, count(keys));
  }

  [[nodiscard]] static Tensor norm(const Side& keys) {
    return keys.patches.square().sum({1}, /*keepdim=*/true).sqrt();
  }

  // [lanes, lanes]: products over the norm of the key.
  [[nodiscard]] static Tensor scores(const Side& keys, const Side& queries) {
    return at::matmul(keys.patches, queries.patches.t()).div_(norm(keys).clamp_min(kSmallestNorm));
  }

  // [keys, queries]
  [[nodiscard]] Tensor logits(const Tensor& scores, const Side& keys, const Side& queries) const {
    return (attention_.fuse ? fuse(scores, keys, queries) : scores) * (attention_.scale * valid(keys));
  }

  // Leaves of [rows + 2, w, rows + 2, w] the sums by rows that are sums of positions on both sides.
  void keep_summed(Tensor& sums, const Side& keys, const Side& queries) const {
    sums.mul_(keys.summed.view({keys.rows.count() + 2, w_, 1, 1}));
    sums.mul_(queries.summed.view({1, 1, queries.rows.count() + 2, w_}));
  }

  [[nodiscard]] Tensor fuse(const Tensor& scores, const Side& keys, const Side& queries) const {
    const int64_t k = keys.rows.count();
    const int64_t q = queries.rows.count();
    const Tensor all = scores.view({k + 2, w_ + 2, q + 2, w_ + 2});
    Tensor by_rows = at::zeros({k + 2, w_, q + 2, w_}, scores.options());
    for (int64_t t = 0; t < 3; ++t) by_rows.add_(all.narrow(1, t, w_).narrow(3, t, w_));
    keep_summed(by_rows, keys, queries);
    Tensor by_columns = at::zeros({k, w_, q, w_}, scores.options());
    for (int64_t t = 0; t < 3; ++t) by_columns.add_(by_rows.narrow(0, t, k).narrow(2, t, q));
    return by_columns.view({k * w_, q * w_});
  }

  // The adjoint of fuse().
  [[nodiscard]] Tensor unfuse(const Tensor& slopes, const Side& keys, const Side& queries) const {
    const int64_t k = keys.rows.count();
    const int64_t q = queries.rows.count();
    const Tensor by_columns = slopes.view({k, w_, q, w_});
    Tensor by_rows = at::zeros({k + 2, w_, q + 2, w_}, slopes.options());
    for (int64_t t = 0; t < 3; ++t) by_rows.narrow(0, t, k).narrow(2, t, q).add_(by_columns);
    keep_summed(by_rows, keys, queries);
    Tensor all = at::zeros({k + 2, w_ + 2, q + 2, w_ + 2}, slopes.options());
    for (int64_t t = 0; t < 3; ++t) all.narrow(1, t, w_).narrow(3, t, w_).add_(by_rows);
    return all.view({(k + 2) * (w_ + 2), (q + 2) * (w_ + 2)});
  }

  // From the gradient of the scores to those of the keys and of the queries' patches.
  void differentiate_scores(const Tensor& slopes, const Tensor& scores, const Side& keys, const Side& queries,
                            Tensor& grad_keys, Tensor& grad_patches) const {
    const Tensor length = norm(keys);
    const Tensor inverse = length.clamp_min(kSmallestNorm).reciprocal();
    const Tensor towards_norm = (slopes * scores).sum({1}, /*keepdim=*/true) * inverse.square();
    const Tensor products = slopes * inverse;
    const Tensor along = at::where(length > kSmallestNorm, towards_norm, at::zeros_like(towards_norm));
    scatter_patches(at::matmul(products, queries.patches) - along * keys.patches, compared(), keys.lanes,
                    grad_keys);
    grad_patches.add_(at::matmul(products.t(), keys.patches));
  }

  const TiledAttention& attention_;
  int64_t h_, w_;
  std::vector<int64_t> rows_, columns_;
  Tensor queries_, keys_;  // [h, w, C]
  Tensor valid_;           // [positions, 1]
};

}  // namespace

Tensor attend_by_tiles(const TiledAttention& attention) {
  return Tiles(attention).attend();
}

TiledGradients differentiate_by_tiles(const TiledAttention& attention, const Tensor& grad) {
  return Tiles(attention).differentiate(grad);
}

}  // namespace infill::ops
