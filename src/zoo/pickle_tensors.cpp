#include "zoo/pickle_tensors.h"

#include "core/status.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

class Walk {
 public:
  using Found = std::function<void(const std::string&, const TensorReference&)>;

  Walk(const PickleHeap& heap, const Found& found)
      : heap_(heap), found_(found), visits_left_(kVisits * heap.cells.size() + kMoreVisits) {}

  void visit(const Value& value) {
    switch (value.kind) {
      case Kind::kTensor:
        check_key();
        found_(key_, heap_.tensors[value.index]);
        break;
      case Kind::kTuple:
      case Kind::kList:
      case Kind::kDict:
      case Kind::kObject:
        visit_container(value);
        break;
      default:
        break;
    }
  }

 private:
  static constexpr int kDeepest = 64;
  static constexpr uint64_t kVisits = 8;
  static constexpr uint64_t kMoreVisits = 65536;

  void visit_container(const Value& container) {
    if (++depth_ > kDeepest) {
      fail(Status::kUnsupported, "key ", in_quotes(key_), ": nested more than ", kDeepest, " deep");
    }
    int64_t place = 0;
    Value name;
    heap_.for_each(container, [&](Value item) {
      if (visits_left_-- == 0) fail(Status::kUnsupported, "key ", in_quotes(key_), ": too much is shared");
      if (container.kind == Kind::kTuple || container.kind == Kind::kList) {
        visit_below(std::to_string(place++), item);
      } else if (place++ % 2 == 0) {
        name = item;
      } else {
        visit_entry(container.kind == Kind::kObject, name, item);
      }
    });
    --depth_;
  }

  // Names that are neither text nor a number cannot be part of a key.
  void visit_entry(bool of_object, const Value& name, const Value& item) {
    if (name.kind == Kind::kText) {
      visit_below(name.view(), item);
    } else if (name.kind == Kind::kInt) {
      visit_below(std::to_string(name.integer), item);
    } else if (name.kind == Kind::kNone && of_object) {
      visit_state(item);
    }
  }

  void visit_state(const Value& state) {
    if (state.kind != Kind::kDict) return visit(state);
    if (++depth_ > kDeepest) {
      fail(Status::kUnsupported, "key ", in_quotes(key_), ": nested more than ", kDeepest, " deep");
    }
    bool is_name = true;
    Value name;
    heap_.for_each(state, [&](Value item) {
      if (visits_left_-- == 0) fail(Status::kUnsupported, "key ", in_quotes(key_), ": too much is shared");
      if (is_name) {
        name = item;
      } else if (name.kind == Kind::kText &&
                 (name.view() == "_modules" || name.view() == "_parameters" || name.view() == "_buffers")) {
        visit(item);
      } else {
        visit_entry(false, name, item);
      }
      is_name = !is_name;
    });
    --depth_;
  }

  void visit_below(std::string_view name, const Value& item) {
    const size_t length = key_.size();
    // One byte too much is enough to be refused when it matters.
    if (length <= Tensor::kLongestName) {
      if (length > 0) key_ += '.';
      key_ += name.substr(0, Tensor::kLongestName + 1);
    }
    visit(item);
    key_.resize(length);
  }

  void check_key() const {
    if (key_.size() > Tensor::kLongestName) {
      fail(Status::kUnsupported, "key ", in_quotes(key_), ": has more than ", Tensor::kLongestName, " bytes");
    }
    if (!is_text(key_))
      fail(Status::kInvalidArgument, "key ", in_quotes(key_), ": is not UTF-8 without zero bytes");
  }

  const PickleHeap& heap_;
  const Found& found_;
  uint64_t visits_left_;
  std::string key_;
  int depth_ = 0;
};

}  // namespace

void find_tensors(const PickleHeap& heap, const Value& root,
                  const std::function<void(const std::string& key, const TensorReference& tensor)>& found) {
  Walk(heap, found).visit(root);
}

}  // namespace infill::zoo
