# Decides whether libinfill_torch is built: INFILL_WITH_TORCH, and why (docs/platforms.md, "LibTorch operators and modules").
include(InfillLibTorch)

set(INFILL_TORCH AUTO CACHE STRING "Build the LibTorch operators and modules: ON, OFF, or AUTO (if LibTorch is found)")
set_property(CACHE INFILL_TORCH PROPERTY STRINGS AUTO ON OFF)
set(INFILL_WITH_TORCH OFF)

if(NOT INFILL_TORCH)
  message(STATUS "LibTorch operators and modules: not built, INFILL_TORCH=${INFILL_TORCH}")
elseif(INFILL_SANITIZE MATCHES "thread")
  # LibTorch and its OpenMP are not compiled for ThreadSanitizer, which would report every use of theirs.
  message(STATUS "LibTorch operators and modules: not built with ThreadSanitizer")
else()
  # Filled by scripts/setup-torch.
  set(INFILL_LIBTORCH_HINTS ${CMAKE_BINARY_DIR}/torch/torch ${PROJECT_SOURCE_DIR}/build/torch/torch)
  infill_find_libtorch()
  if(INFILL_LIBTORCH_DIR)
    set(INFILL_WITH_TORCH ON)
    message(STATUS "LibTorch operators and modules: built with LibTorch ${INFILL_LIBTORCH_VERSION} in ${INFILL_LIBTORCH_DIR}")
  else()
    set(hint "LibTorch ${INFILL_LIBTORCH_MINIMUM} or later was not found. scripts/setup-torch fetches it; your own is found \
through CMAKE_PREFIX_PATH or Torch_DIR.")
    if(INFILL_TORCH STREQUAL "AUTO")
      message(STATUS "LibTorch operators and modules: not built. ${hint}")
    else()
      message(FATAL_ERROR "INFILL_TORCH=${INFILL_TORCH}: ${hint}")
    endif()
  endif()
endif()
