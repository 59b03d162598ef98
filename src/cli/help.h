#pragma once

namespace cli {

// What `infill --help` and `infill fill --help` print.
void print_help();
void print_fill_help();
void print_model_help();

}  // namespace cli
