# infill_find_libtorch(): LibTorch 2.11 or later, as the imported target infill::libtorch (libtorch_cpu and libc10
# only: LibTorch's own CMake targets would link CUDA). Sets INFILL_LIBTORCH_DIR, the folder with include/ and lib/, and
# INFILL_LIBTORCH_VERSION; both empty when there is none. Looked for in
#   * Torch_DIR and CMAKE_PREFIX_PATH (variables and environment), as find_package(Torch) would,
#   * the folders in INFILL_LIBTORCH_HINTS.
set(INFILL_LIBTORCH_MINIMUM 2.11)

function(infill_find_libtorch)
  set(candidates "")
  foreach(config IN ITEMS "${Torch_DIR}" "$ENV{Torch_DIR}")
    if(config)
      list(APPEND candidates "${config}/../../..")
    endif()
  endforeach()
  string(REPLACE ":" ";" prefixes "$ENV{CMAKE_PREFIX_PATH}")
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH prefixes)
    # The second form is what torch.utils.cmake_prefix_path says.
    list(APPEND candidates "${prefix}" "${prefix}/../..")
  endforeach()
  list(APPEND candidates ${INFILL_LIBTORCH_HINTS})

  set(found "")
  set(version "")
  foreach(candidate IN LISTS candidates)
    set(header "${candidate}/include/torch/headeronly/version.h")
    if(EXISTS "${header}" AND EXISTS "${candidate}/lib/libtorch_cpu.so" AND EXISTS "${candidate}/lib/libc10.so")
      file(STRINGS "${header}" lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
      string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
      list(JOIN numbers "." this)
      cmake_path(ABSOLUTE_PATH candidate NORMALIZE)
      if(this VERSION_LESS INFILL_LIBTORCH_MINIMUM)
        message(STATUS "LibTorch ${this} in ${candidate} is too old, ${INFILL_LIBTORCH_MINIMUM} is needed")
        continue()
      endif()
      set(found "${candidate}")
      set(version "${this}")
      break()
    endif()
  endforeach()

  set(INFILL_LIBTORCH_DIR "${found}" PARENT_SCOPE)
  set(INFILL_LIBTORCH_VERSION "${version}" PARENT_SCOPE)
  if(found AND NOT TARGET infill::libtorch)
    add_library(infill::libc10 SHARED IMPORTED GLOBAL)
    set_target_properties(infill::libc10 PROPERTIES IMPORTED_LOCATION "${found}/lib/libc10.so")
    add_library(infill::libtorch SHARED IMPORTED GLOBAL)
    set_target_properties(infill::libtorch PROPERTIES IMPORTED_LOCATION "${found}/lib/libtorch_cpu.so"
      INTERFACE_INCLUDE_DIRECTORIES "${found}/include;${found}/include/torch/csrc/api/include"
      INTERFACE_LINK_LIBRARIES infill::libc10)
  endif()
endfunction()
