// Names out of a file from a stranger, fit for a message.
#pragma once

#include <string>
#include <string_view>

namespace infill::zoo {

// In quotation marks; control characters, quotation marks and bytes above 126 as \xNN, cut after 96 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

// Whether the bytes are UTF-8 (no surrogates, no overlong forms) and hold no zero byte.
[[nodiscard]] bool is_text(std::string_view bytes);

}  // namespace infill::zoo
