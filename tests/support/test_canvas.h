// A canvas with memory of its own, for tests of methods: built from a picture function and a hole function.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "classic/method.h"
#include "core/status.h"

namespace infill::test {

class TestCanvas {
 public:
  using Value = std::function<float(int x, int y, int channel)>;
  using Hole = std::function<Label(int x, int y)>;

  // Holes and excluded pixels hold 0; value() keeps what was there.
  TestCanvas(int width, int height, int channels, const Value& value, const Hole& hole)
      : stride_(static_cast<size_t>(width) + 5),
        pixels_(stride_ * static_cast<size_t>(height * channels)),
        labels_(stride_ * static_cast<size_t>(height)) {
    truth_ = pixels_;
    canvas_.width = width;
    canvas_.height = height;
    canvas_.channels = channels;
    canvas_.label = {labels_.data(), width, height, static_cast<ptrdiff_t>(stride_)};
    const size_t plane_size = stride_ * static_cast<size_t>(height);
    for (int c = 0; c < channels; ++c) {
      const size_t start = plane_size * static_cast<size_t>(c);
      canvas_.planes.at(static_cast<size_t>(c)) = {&pixels_[start], width, height,
                                                   static_cast<ptrdiff_t>(stride_)};
    }
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const Label label = hole(x, y);
        canvas_.label.at(x, y) = label;
        for (int c = 0; c < channels; ++c) {
          const float v = value(x, y, c);
          float& at = canvas_.planes.at(static_cast<size_t>(c)).at(x, y);
          truth_[static_cast<size_t>(&at - pixels_.data())] = v;
          at = label == kKnown ? v : 0.0F;
        }
        if (label != kHole) continue;
        ++canvas_.hole_pixels;
        if (!runs_.empty() && runs_.back().y == y && runs_.back().x1 == x) {
          ++runs_.back().x1;
        } else {
          runs_.push_back({y, x, x + 1});
        }
      }
    }
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (canvas_.label.at(x, y) == kKnown && touches_hole(x, y)) rim_.push_back({x, y});
      }
    }
    canvas_.holes = runs_;
    canvas_.rim = rim_;
    rim_fill_.resize(rim_.size() * 4);
    for (size_t c = 0; c < 4; ++c) canvas_.rim_fill.at(c) = {rim_fill_.data() + c * rim_.size(), rim_.size()};
  }
  TestCanvas(const TestCanvas&) = delete;
  TestCanvas& operator=(const TestCanvas&) = delete;

  [[nodiscard]] Canvas& canvas() { return canvas_; }
  // What the picture function said, in holes too.
  [[nodiscard]] float truth(int x, int y, int channel) const {
    const float* at = &canvas_.planes.at(static_cast<size_t>(channel)).at(x, y);
    return truth_[static_cast<size_t>(at - pixels_.data())];
  }
  [[nodiscard]] float at(int x, int y, int channel) const {
    return canvas_.planes.at(static_cast<size_t>(channel)).at(x, y);
  }
  // All pixels with their padding: two fills agree when these do.
  [[nodiscard]] const std::vector<float>& bytes() const { return pixels_; }

  [[nodiscard]] CanvasShape shape(int threads) const {
    return {canvas_.width,
            canvas_.height,
            canvas_.channels,
            canvas_.hole_pixels,
            static_cast<int64_t>(runs_.size()),
            threads,
            canvas_.reference == nullptr ? 0 : canvas_.reference->width,
            canvas_.reference == nullptr ? 0 : canvas_.reference->height};
  }

  // Runs the method with an arena of exactly what scratch() says. Returns the bytes the arena really held.
  size_t fill(const classic::Method& method, const Settings& settings, int thread_count = 1,
              uint64_t seed = 1, Task* task = nullptr) {
    Task own;
    Threads threads(thread_count);
    const size_t size = method.scratch(shape(thread_count), settings);
    Memory memory;
    const Block block(memory, size);
    std::memset(block.data(), 0xCB, size);  // methods must not rely on cleared memory
    Arena arena(block.data(), size);
    classic::Work work{threads, task == nullptr ? own : *task, arena, seed};
    method.fill(canvas_, settings, work);
    return arena.peak();
  }
  size_t fill(const classic::Method& method, int thread_count = 1) {
    return fill(method, Settings(method.parameters), thread_count);
  }

 private:
  [[nodiscard]] bool touches_hole(int x, int y) const {
    for (int j = y - 1; j <= y + 1; ++j) {
      for (int i = x - 1; i <= x + 1; ++i) {
        if (canvas_.label.contains(i, j) && canvas_.label.at(i, j) == kHole) return true;
      }
    }
    return false;
  }

  size_t stride_;
  std::vector<float> pixels_, truth_, rim_fill_;
  std::vector<uint8_t> labels_;
  std::vector<Run> runs_;
  std::vector<Point> rim_;
  Canvas canvas_;
};

}  // namespace infill::test
