// Streams, events and graphs: what was not waited for has not happened.
#include "cudasim/stream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "cuda/language.h"
#include "cudasim/capture.h"
#include "cudasim/event.h"
#include "cudasim/options.h"
#include "cudasim/testing/device_array.h"
#include "cudasim/testing/findings.h"

namespace infill::cudasim {
namespace {

__global__ void add(float* values, float amount) {
  values[threadIdx.x] += amount;
}
__global__ void multiply(float* values, float factor) {
  values[threadIdx.x] *= factor;
}
__global__ void copy(const float* in, float* out) {
  out[threadIdx.x] = in[threadIdx.x];
}

// A stream of its own that does not wait for the default stream.
class OwnStream {
 public:
  explicit OwnStream(unsigned flags = cudaStreamNonBlocking) {
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, flags), cudaSuccess);
  }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;
  ~OwnStream() { EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess); }
  operator cudaStream_t() const {
    return stream_;
  }  // NOLINT(google-explicit-constructor): as the handle it is

 private:
  cudaStream_t stream_ = nullptr;
};

class OwnEvent {
 public:
  OwnEvent() { EXPECT_EQ(cudaEventCreate(&event_), cudaSuccess); }
  OwnEvent(const OwnEvent&) = delete;
  OwnEvent& operator=(const OwnEvent&) = delete;
  ~OwnEvent() { EXPECT_EQ(cudaEventDestroy(event_), cudaSuccess); }
  operator cudaEvent_t() const { return event_; }  // NOLINT(google-explicit-constructor): as the handle it is

 private:
  cudaEvent_t event_ = nullptr;
};

// Tests about what a wait does not do need the order in which nothing else is done.
class InForwardOrder {
 public:
  InForwardOrder() : before_(std::exchange(options().schedule, Schedule::kForward)) {}
  InForwardOrder(const InForwardOrder&) = delete;
  InForwardOrder& operator=(const InForwardOrder&) = delete;
  ~InForwardOrder() { options().schedule = before_; }

 private:
  Schedule before_;
};

TEST(Stream, HostSeesResultsAfterTheWaitOnly) {
  const OwnStream stream;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  std::vector<float> host(4, 7.0f);
  INFILL_LAUNCH(add, 1, 4, 0, stream, values.data(), 2.0f);
  ASSERT_EQ(cudaMemcpyAsync(host.data(), values.data(), 16, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_TRUE(std::isnan(host[0])) << "neither the old value nor the new one";
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(host, std::vector<float>(4, 3.0f));
  EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
}

TEST(Stream, HostSourceIsReadWhenTheCopyRuns) {
  const OwnStream stream;
  const DeviceArray<float> values(1);
  float source = 1.0f;
  ASSERT_EQ(cudaMemcpyAsync(values.data(), &source, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  source = 2.0f;
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(values.values()[0], 2.0f) << "as may happen on a device: the caller has to wait";
}

TEST(Stream, StagingMemoryMayBeUsedAgainInTheSameStream) {
  const OwnStream stream;
  const DeviceArray<float> values(1);
  float staging = 5.0f;
  ASSERT_EQ(cudaMemcpyAsync(values.data(), &staging, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  INFILL_LAUNCH(add, 1, 1, 0, stream, values.data(), 1.0f);
  ASSERT_EQ(cudaMemcpyAsync(&staging, values.data(), 4, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(staging, 6.0f);
}

TEST(Stream, QueriesEnd) {
  const OwnStream stream;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  for (int i = 0; i < 3; ++i) INFILL_LAUNCH(add, 1, 4, 0, stream, values.data(), 2.0f);
  int queries = 0;
  while (cudaStreamQuery(stream) == cudaErrorNotReady) ++queries;
  EXPECT_EQ(queries, 3);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "not ready is no error";
}

TEST(Stream, EventsOrderStreams) {
  const OwnStream first;
  const OwnStream second;
  const OwnEvent added;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  INFILL_LAUNCH(add, 1, 4, 0, first, values.data(), 2.0f);
  ASSERT_EQ(cudaEventRecord(added, first), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(second, added, 0), cudaSuccess);
  INFILL_LAUNCH(multiply, 1, 4, 0, second, values.data(), 10.0f);
  ASSERT_EQ(cudaStreamSynchronize(second), cudaSuccess);
  EXPECT_EQ(values.values(), std::vector<float>(4, 30.0f));
  EXPECT_EQ(cudaEventQuery(added), cudaSuccess);
}

TEST(Stream, WithoutAnEventOrdersDiffer) {
  const auto run = [](Schedule schedule) {
    const Schedule before = std::exchange(options().schedule, schedule);
    const OwnStream first;
    const OwnStream second;
    const DeviceArray<float> values(std::vector<float>(4, 1.0f));
    INFILL_LAUNCH(add, 1, 4, 0, first, values.data(), 2.0f);
    INFILL_LAUNCH(multiply, 1, 4, 0, second, values.data(), 10.0f);
    EXPECT_EQ(cudaStreamSynchronize(first), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(second), cudaSuccess);
    options().schedule = before;
    return values.values()[0];
  };
  EXPECT_EQ(run(Schedule::kForward), 30.0f);
  EXPECT_EQ(run(Schedule::kReverse), 12.0f);
}

TEST(Stream, AnEventIsThePlaceWhereItWasRecorded) {
  const InForwardOrder forward;
  const OwnStream stream;
  const OwnEvent event;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  const DeviceArray<float> early(std::vector<float>(4, 0.0f));
  INFILL_LAUNCH(add, 1, 4, 0, stream, values.data(), 1.0f);
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  INFILL_LAUNCH(copy, 1, 4, 0, stream, values.data(), early.data());
  ASSERT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady) << "the copy comes after the event";
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

TEST(Stream, BlockingStreamsAndTheDefaultStreamWaitForEachOther) {
  const OwnStream blocking(cudaStreamDefault);
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  INFILL_LAUNCH(add, 1, 4, 0, blocking, values.data(), 2.0f);
  INFILL_LAUNCH(multiply, 1, 4, 0, nullptr, values.data(), 10.0f);
  INFILL_LAUNCH(add, 1, 4, 0, blocking, values.data(), 0.5f);
  ASSERT_EQ(cudaStreamSynchronize(blocking), cudaSuccess);
  EXPECT_EQ(values.values(), std::vector<float>(4, 30.5f));
}

TEST(Stream, ElapsedTimeIsZeroOnceBothHappened) {
  const OwnEvent start;
  const OwnEvent end;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  float milliseconds = 1.0f;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorInvalidResourceHandle)
      << "not recorded";
  ASSERT_EQ(cudaEventRecord(start, nullptr), cudaSuccess);
  INFILL_LAUNCH(add, 1, 4, 0, nullptr, values.data(), 2.0f);
  ASSERT_EQ(cudaEventRecord(end, nullptr), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorNotReady);
  ASSERT_EQ(cudaEventSynchronize(end), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaSuccess);
  EXPECT_EQ(milliseconds, 0.0f);
  cudaGetLastError();
}

TEST(Stream, HostFunctionsRunInOrderAndCallNothing) {
  const OwnStream stream;
  int calls = 0;
  ASSERT_EQ(cudaLaunchHostFunc(
                stream, [](void* data) { ++*static_cast<int*>(data); }, &calls),
            cudaSuccess);
  EXPECT_EQ(calls, 0);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(rules_broken_by([&] {
              cudaLaunchHostFunc(
                  stream, [](void*) { cudaDeviceSynchronize(); }, nullptr);
            }),
            Rules{Rule::kHostUse});
}

TEST(Stream, DestroyedHandlesAreFound) {
  const size_t streams = live_streams();
  const size_t events = live_events();
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  EXPECT_EQ(live_streams(), streams + 1);
  EXPECT_EQ(live_events(), events + 1);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  ASSERT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(live_streams(), streams);
  EXPECT_EQ(live_events(), events);
  EXPECT_EQ(
      rules_broken_by([&] { EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle); }),
      Rules{Rule::kHostUse});
  EXPECT_EQ(rules_broken_by([&] { EXPECT_EQ(cudaEventSynchronize(event), cudaErrorInvalidResourceHandle); }),
            Rules{Rule::kHostUse});
}

TEST(Stream, WorkOfADestroyedStreamRuns) {
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  {
    const OwnStream stream;
    INFILL_LAUNCH(add, 1, 4, 0, stream, values.data(), 2.0f);
  }
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(values.values(), std::vector<float>(4, 3.0f));
}

cudaGraphExec_t instantiate(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  return executable;
}

TEST(Graph, CapturedWorkRunsAtEachLaunch) {
  const OwnStream stream;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  std::vector<float> host(4, 7.0f);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  INFILL_LAUNCH(add, 1, 4, 0, stream, values.data(), 2.0f);
  INFILL_LAUNCH(multiply, 1, 4, 0, stream, values.data(), 10.0f);
  ASSERT_EQ(cudaMemcpyAsync(host.data(), values.data(), 16, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  cudaGraphExec_t executable = instantiate(stream);
  EXPECT_EQ(values.values()[0], 1.0f) << "captured, not run";
  EXPECT_EQ(host[0], 7.0f);
  for (const float expected : {30.0f, 320.0f}) {
    ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    EXPECT_TRUE(std::isnan(host[0]));
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(host[0], expected);
  }
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
}

TEST(Graph, ForkAndJoinThroughEvents) {
  const OwnStream origin;
  const OwnStream branch;
  const OwnEvent fork;
  const OwnEvent join;
  const DeviceArray<float> a(std::vector<float>(4, 1.0f));
  const DeviceArray<float> b(std::vector<float>(4, 5.0f));
  ASSERT_EQ(cudaStreamBeginCapture(origin, cudaStreamCaptureModeGlobal), cudaSuccess);
  INFILL_LAUNCH(add, 1, 4, 0, origin, a.data(), 2.0f);
  ASSERT_EQ(cudaEventRecord(fork, origin), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(branch, fork, 0), cudaSuccess);
  INFILL_LAUNCH(copy, 1, 4, 0, branch, a.data(), b.data());
  INFILL_LAUNCH(multiply, 1, 4, 0, branch, b.data(), 2.0f);
  ASSERT_EQ(cudaEventRecord(join, branch), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(origin, join, 0), cudaSuccess);
  INFILL_LAUNCH(add, 1, 4, 0, origin, b.data(), 0.5f);
  cudaGraphExec_t executable = instantiate(origin);
  ASSERT_EQ(cudaGraphLaunch(executable, origin), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(origin), cudaSuccess);
  EXPECT_EQ(b.values(), std::vector<float>(4, 6.5f));
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
}

// What is wrong with a capture is said at its end.
cudaError_t end(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  const cudaError_t error = cudaStreamEndCapture(stream, &graph);
  EXPECT_EQ(graph, nullptr);
  cudaGetLastError();
  return error;
}

TEST(Graph, BranchesMustJoin) {
  const OwnStream origin;
  const OwnStream branch;
  const OwnEvent fork;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  ASSERT_EQ(cudaStreamBeginCapture(origin, cudaStreamCaptureModeGlobal), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(fork, origin), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(branch, fork, 0), cudaSuccess);
  INFILL_LAUNCH(add, 1, 4, 0, branch, values.data(), 2.0f);
  EXPECT_EQ(end(origin), cudaErrorStreamCaptureUnjoined);
}

TEST(Graph, WaitsAndAllocationsEndACapture) {
  const OwnStream stream;
  void* memory = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(end(stream), cudaErrorStreamCaptureInvalidated);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&memory, 4), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(end(stream), cudaErrorStreamCaptureInvalidated);
  const OwnStream blocking(cudaStreamDefault);
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  ASSERT_EQ(cudaStreamBeginCapture(blocking, cudaStreamCaptureModeRelaxed), cudaSuccess);
  INFILL_LAUNCH(add, 1, 4, 0, nullptr, values.data(), 2.0f);
  EXPECT_EQ(cudaGetLastError(), cudaErrorStreamCaptureImplicit)
      << "the default stream would wait for the capture";
  EXPECT_EQ(end(blocking), cudaErrorStreamCaptureInvalidated);
}

TEST(Graph, UpdateNeedsTheSameTopology) {
  const OwnStream stream;
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  const auto capture = [&](int kernels, float amount) {
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
    for (int i = 0; i < kernels; ++i) INFILL_LAUNCH(add, 1, 4, 0, stream, values.data(), amount);
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    return graph;
  };
  cudaGraph_t first = capture(2, 1.0f);
  cudaGraph_t same = capture(2, 10.0f);
  cudaGraph_t other = capture(3, 100.0f);
  size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(other, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 3u);
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, first, 0), cudaSuccess);
  cudaGraphExecUpdateResultInfo info{};
  EXPECT_EQ(cudaGraphExecUpdate(executable, same, &info), cudaSuccess);
  EXPECT_EQ(cudaGraphExecUpdate(executable, other, &info), cudaErrorGraphExecUpdateFailure);
  EXPECT_EQ(info.result, cudaGraphExecUpdateErrorTopologyChanged);
  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(values.values()[0], 21.0f);
  for (cudaGraph_t graph : {first, same, other}) EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  cudaGetLastError();
}

}  // namespace
}  // namespace infill::cudasim
