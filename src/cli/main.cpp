// The command line program `infill`.
#include <infill.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <span>
#include <string_view>

#include "arguments.h"
#include "batch.h"
#include "failure.h"
#include "fill.h"
#include "help.h"
#include "info.h"
#include "model.h"
#include "picture.h"
#include "terminal.h"

namespace {

using namespace cli;  // NOLINT(google-build-using-namespace): the program is this namespace

bool asks_for_help(std::span<char* const> words) {
  return std::any_of(words.begin(), words.end(),
                     [](std::string_view word) { return word == "--help" || word == "-h"; });
}

ExitCode run_fill(std::span<char* const> words) {
  if (asks_for_help(words)) {
    print_fill_help();
    return kDone;
  }
  const FillArguments arguments = parse_fill(words);
  const Context context = make_context(arguments);
  const Model model = open_model(context.get(), arguments);
  if (arguments.threads > 0) vips_concurrency_set(arguments.threads);
  if (is_batch(arguments)) return fill_batch(context.get(), model.get(), arguments);
  if (arguments.shard_count > 1) fail(kUsage, "--shard: there is only one picture");
  fill_picture(context.get(), model.get(), arguments);
  return kDone;
}

ExitCode run_info(std::span<char* const> words) {
  if (words.size() > 1) fail(kUsage, "infill info takes one file at most");
  if (words.empty()) {
    print_library_info();
  } else if (asks_for_help(words)) {
    print_help();
  } else {
    print_file_info(words[0]);
  }
  return kDone;
}

ExitCode run_model(std::span<char* const> words) {
  if (asks_for_help(words)) {
    print_model_help();
  } else if (words.size() == 2 && std::string_view(words[0]) == "info") {
    print_model_info(words[1]);
  } else if (!words.empty() && std::string_view(words[0]) == "run") {
    run_model(parse_run(words.subspan(1)));
  } else {
    fail(kUsage, "infill model info FILE or infill model run FILE --inputs IN --outputs OUT");
  }
  return kDone;
}

ExitCode run(std::span<char* const> words) {
  if (words.empty()) {
    print_help();
    return kUsage;
  }
  const std::string_view command = words[0];
  if (command == "--help" || command == "-h" || command == "help") {
    print_help();
    return kDone;
  }
  if (command == "--version") {
    const uint32_t version = infill_version();
    std::printf("infill %u.%u.%u\n", version / 1000000, version / 1000 % 1000, version % 1000);
    return kDone;
  }
  if (command == "fill") return run_fill(words.subspan(1));
  if (command == "info") return run_info(words.subspan(1));
  if (command == "model") return run_model(words.subspan(1));
  fail(kUsage, "unknown command \"", command, "\"; see infill --help");
}

}  // namespace

int main(int count, char** words) {
  try {
    catch_signals();
    start_vips(words[0]);
    const ExitCode code = run(std::span<char* const>(words, static_cast<size_t>(count)).subspan(1));
    vips_shutdown();
    return code;
  } catch (const Failure& failure) {
    say(failure.what());
    return failure.code();
  } catch (const std::bad_alloc&) {
    say("out of memory");
    return kMemory;
  } catch (const std::exception& error) {
    say(error.what());
    return kFillFailed;
  }
}
