# Every target of ours is compiled the same way.
#
# -ffp-contract=off: with it, and sums in a fixed order, the same source gives the same bytes for SSE4, AVX2 and
# AVX-512 (docs/classic.md).
find_package(Threads REQUIRED)

function(infill_target name)
  target_compile_features(${name} PUBLIC c_std_11 cxx_std_20)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF C_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden
    C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wvla -ffp-contract=off)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(${name} PRIVATE -march=x86-64-v2)
    # Highway's targets: SSE4 (the baseline; v2 lacks the AES and CLMUL it would ask for), AVX2, AVX3.
    target_compile_definitions(${name} PRIVATE HWY_DISABLE_PCLMUL_AES
      HWY_DISABLED_TARGETS=\(HWY_SSSE3|HWY_AVX3_DL\))
  endif()
  if(INFILL_WERROR)
    target_compile_options(${name} PRIVATE -Werror)
  endif()
  if(INFILL_SANITIZE)
    target_compile_options(${name} PRIVATE -fsanitize=${INFILL_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize-recover=all)
    target_link_options(${name} PUBLIC -fsanitize=${INFILL_SANITIZE})
  endif()
endfunction()
