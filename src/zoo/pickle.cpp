#include "zoo/pickle.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <utility>

#include "core/status.h"
#include "zoo/little_endian.h"
#include "zoo/pickle_opcodes.h"
#include "zoo/pickle_rebuild.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, uint64_t offset, PickleHeap& heap, Memory& memory)
      : bytes_(bytes),
        at_(offset),
        start_(offset),
        heap_(heap),
        stack_(StdAllocator<Value>(memory)),
        marks_(StdAllocator<size_t>(memory)),
        memo_(StdAllocator<Value>(memory)) {}

  PickleResult run() {
    const uint64_t first = at_;
    try {
      while (true) {
        opcode_at_ = at_;
        const auto opcode = static_cast<Opcode>(read<uint8_t>());
        if (opcode_at_ == first && opcode != Opcode::kProto) {
          fail(Status::kInvalidArgument, "does not begin with PROTO");
        }
        if (opcode == Opcode::kStop) break;
        execute(opcode);
      }
      const Value result = pop();
      if (!stack_.empty() || !marks_.empty())
        fail(Status::kInvalidArgument, "values are left on the stack at the end");
      return {result, at_};
    } catch (const Error& error) {
      const bool too_much = error.status() == Status::kMemoryLimit;
      fail(too_much ? Status::kUnsupported : error.status(), "pickle: byte ", opcode_at_, ": ",
           too_much ? "describes more than the memory for reading holds" : error.what());
    }
  }

 private:
  static constexpr uint32_t kUnset =
      0xFFFFFFFF;  // Value::size of a place of the memo that nothing was put in

  template <class T>
  T read() {
    const T value = load<T>(bytes_, at_, "the file");
    at_ += sizeof(T);
    return value;
  }
  std::string_view read_text(uint64_t size) {
    const auto text = slice(bytes_, at_, size, "the file");
    at_ += size;
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }
  std::string_view read_line() {
    const auto rest = bytes_.subspan(at_);
    const auto end = std::ranges::find(rest, std::byte{'\n'});
    if (end == rest.end()) fail(Status::kInvalidArgument, "a name has no end");
    const std::string_view line = read_text(static_cast<uint64_t>(end - rest.begin()));
    ++at_;
    return line;
  }

  void push(const Value& value) { stack_.push_back(value); }
  void push_text(Kind kind, std::string_view text) {
    if (text.size() >= kUnset) fail(Status::kUnsupported, "a text of ", text.size(), " bytes");
    Value value;
    value.kind = kind;
    value.size = static_cast<uint32_t>(text.size());
    value.text = text.data();
    push(value);
  }
  void push_integer(int64_t integer, Kind kind = Kind::kInt) {
    Value value;
    value.kind = kind;
    value.integer = integer;
    push(value);
  }
  // Numbers of up to 8 bytes; longer ones stay bytes.
  void push_long(uint64_t size) {
    const std::string_view digits = read_text(size);
    if (size > sizeof(int64_t)) return push_text(Kind::kBytes, digits);
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(digits[i])} << (8 * i);
    if (size > 0 && size < 8 && (value >> (8 * size - 1)) != 0) value |= ~uint64_t{0} << (8 * size);
    push_integer(static_cast<int64_t>(value));
  }
  void push_float() {
    Value value;
    value.kind = Kind::kFloat;
    value.number = std::bit_cast<double>(__builtin_bswap64(read<uint64_t>()));
    push(value);
  }

  [[nodiscard]] size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Value pop() {
    if (stack_.size() <= floor()) fail(Status::kInvalidArgument, "the stack is empty");
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Value top() {
    if (stack_.size() <= floor()) fail(Status::kInvalidArgument, "the stack is empty");
    return stack_.back();
  }
  // Takes the latest mark; what lies above it starts at the result.
  size_t pop_mark() {
    if (marks_.empty()) fail(Status::kInvalidArgument, "there is no mark");
    const size_t mark = marks_.back();
    marks_.pop_back();
    return mark;
  }

  void make_tuple(size_t first) {
    if (first < floor() || first > stack_.size()) fail(Status::kInvalidArgument, "the stack is empty");
    const Value tuple = heap_.make(Kind::kTuple);
    for (size_t i = first; i < stack_.size(); ++i) heap_.append(tuple, stack_[i]);
    stack_.resize(first);
    push(tuple);
  }
  // Adds what lies on the stack from `first` on to the list or dict under it.
  void extend(size_t first, bool pairs) {
    if (first <= floor()) fail(Status::kInvalidArgument, "the stack is empty");
    const Value container = stack_[first - 1];
    const bool fits =
        container.kind == (pairs ? Kind::kDict : Kind::kList) || container.kind == Kind::kObject;
    if (!fits) fail(Status::kInvalidArgument, "items are added to a ", name_of(container.kind));
    if (pairs && (stack_.size() - first) % 2 != 0) fail(Status::kInvalidArgument, "a key has no value");
    // An object that is like a list has nothing to look for in it.
    if (pairs || container.kind == Kind::kList) {
      for (size_t i = first; i < stack_.size(); ++i) heap_.append(container, stack_[i]);
    }
    stack_.resize(first);
  }
  size_t below(size_t count) {
    if (stack_.size() < floor() + count) fail(Status::kInvalidArgument, "the stack is empty");
    return stack_.size() - count;
  }

  void put(uint64_t index) {
    // A pickler numbers what it puts, and every number costs it at least one byte.
    if (index > at_ - start_) fail(Status::kUnsupported, "memo number ", index, " is too large");
    Value unset;
    unset.size = kUnset;
    if (index >= memo_.size()) memo_.resize(index + 1, unset);
    memo_[index] = top();
    memo_count_ = std::max(memo_count_, index + 1);
  }
  void get(uint64_t index) {
    if (index >= memo_.size() || (memo_[index].kind == Kind::kNone && memo_[index].size == kUnset)) {
      fail(Status::kInvalidArgument, "memo number ", index, " was never put");
    }
    push(memo_[index]);
  }

  void push_global(std::string_view module, std::string_view name) {
    heap_.globals.push_back(find_global(module, name));
    Value value;
    value.kind = Kind::kGlobal;
    value.index = heap_.globals.size() - 1;
    push(value);
  }
  void stack_global() {
    const Value name = pop();
    const Value module = pop();
    if (name.kind != Kind::kText || module.kind != Kind::kText) {
      fail(Status::kInvalidArgument, "the name of a class is a ", name_of(name.kind), " in a ",
           name_of(module.kind));
    }
    push_global(module.view(), name.view());
  }
  void reduce() {
    const Value arguments = pop();
    const Value callable = pop();
    push(rebuild(heap_, callable, arguments));
  }
  // Attributes of a known thing are of no use here; those of an unknown one may hold tensors.
  void set_state() {
    const Value state = pop();
    const Value target = top();
    if (target.kind == Kind::kObject) {
      heap_.append(target, Value{});
      heap_.append(target, state);
    } else if (target.kind != Kind::kDict && target.kind != Kind::kTensor) {
      fail(Status::kInvalidArgument, "state is set on a ", name_of(target.kind));
    }
  }

  void execute(Opcode opcode) {
    switch (opcode) {
      case Opcode::kProto: {
        const auto protocol = read<uint8_t>();
        if (protocol < 2 || protocol > 5)
          fail(Status::kUnsupported, "protocol ", int{protocol}, ", 2 to 5 are read");
        break;
      }
      case Opcode::kFrame:
        (void)read<uint64_t>();  // only a hint for readers of streams
        break;
      case Opcode::kMark:
        marks_.push_back(stack_.size());
        break;
      case Opcode::kPop:
        (void)pop();
        break;
      case Opcode::kPopMark:
        stack_.resize(pop_mark());
        break;
      case Opcode::kNone:
        push({});
        break;
      case Opcode::kNewTrue:
        push_integer(1, Kind::kBool);
        break;
      case Opcode::kNewFalse:
        push_integer(0, Kind::kBool);
        break;
      case Opcode::kBinInt:
        push_integer(read<int32_t>());
        break;
      case Opcode::kBinInt1:
        push_integer(read<uint8_t>());
        break;
      case Opcode::kBinInt2:
        push_integer(read<uint16_t>());
        break;
      case Opcode::kLong1:
        push_long(read<uint8_t>());
        break;
      case Opcode::kLong4:
        push_long(read<uint32_t>());
        break;
      case Opcode::kBinFloat:
        push_float();
        break;
      case Opcode::kBinString:
      case Opcode::kBinUnicode:
        push_text(Kind::kText, read_text(read<uint32_t>()));
        break;
      case Opcode::kShortBinString:
      case Opcode::kShortBinUnicode:
        push_text(Kind::kText, read_text(read<uint8_t>()));
        break;
      case Opcode::kBinUnicode8:
        push_text(Kind::kText, read_text(read<uint64_t>()));
        break;
      case Opcode::kBinBytes:
        push_text(Kind::kBytes, read_text(read<uint32_t>()));
        break;
      case Opcode::kShortBinBytes:
        push_text(Kind::kBytes, read_text(read<uint8_t>()));
        break;
      case Opcode::kBinBytes8:
        push_text(Kind::kBytes, read_text(read<uint64_t>()));
        break;
      default:
        execute_on_containers(opcode);
    }
  }

  void execute_on_containers(Opcode opcode) {
    switch (opcode) {
      case Opcode::kEmptyTuple:
        make_tuple(stack_.size());
        break;
      case Opcode::kTuple1:
        make_tuple(below(1));
        break;
      case Opcode::kTuple2:
        make_tuple(below(2));
        break;
      case Opcode::kTuple3:
        make_tuple(below(3));
        break;
      case Opcode::kTuple:
      case Opcode::kFrozenSet:
        make_tuple(pop_mark());
        break;
      case Opcode::kEmptyList:
      case Opcode::kEmptySet:
        push(heap_.make(Kind::kList));
        break;
      case Opcode::kEmptyDict:
        push(heap_.make(Kind::kDict));
        break;
      case Opcode::kAppend:
        extend(below(1), false);
        break;
      case Opcode::kAppends:
      case Opcode::kAddItems:
        extend(pop_mark(), false);
        break;
      case Opcode::kSetItem:
        extend(below(2), true);
        break;
      case Opcode::kSetItems:
        extend(pop_mark(), true);
        break;
      default:
        execute_on_names(opcode);
    }
  }

  void execute_on_names(Opcode opcode) {
    switch (opcode) {
      case Opcode::kBinGet:
        get(read<uint8_t>());
        break;
      case Opcode::kLongBinGet:
        get(read<uint32_t>());
        break;
      case Opcode::kBinPut:
        put(read<uint8_t>());
        break;
      case Opcode::kLongBinPut:
        put(read<uint32_t>());
        break;
      case Opcode::kMemoize:
        put(memo_count_);
        break;
      case Opcode::kGlobal: {
        const std::string_view module = read_line();
        push_global(module, read_line());
        break;
      }
      case Opcode::kStackGlobal:
        stack_global();
        break;
      case Opcode::kReduce:
      case Opcode::kNewObj:
        reduce();
        break;
      case Opcode::kNewObjEx:
        (void)pop();  // keyword arguments
        reduce();
        break;
      case Opcode::kBuild:
        set_state();
        break;
      case Opcode::kBinPersId:
        push(load_persistent(heap_, pop()));
        break;
      default:
        fail(Status::kUnsupported, "opcode ", name_of(opcode), " is not read");
    }
  }

  std::span<const std::byte> bytes_;
  uint64_t at_;
  uint64_t start_;
  uint64_t opcode_at_ = 0;
  PickleHeap& heap_;
  PickleHeap::Vector<Value> stack_;
  PickleHeap::Vector<size_t> marks_;
  PickleHeap::Vector<Value> memo_;
  uint64_t memo_count_ = 0;
};

}  // namespace

PickleResult read_pickle(std::span<const std::byte> bytes, uint64_t offset, PickleHeap& heap,
                         Memory& memory) {
  return Machine(bytes, offset, heap, memory).run();
}

}  // namespace infill::zoo
