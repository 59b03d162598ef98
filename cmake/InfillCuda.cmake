# Decides whether libinfill_cuda is built: INFILL_WITH_CUDA, and why. nvcc 13.0 or later is looked for in
#   * CUDACXX (variable or environment), CUDA_PATH, CUDA_HOME, PATH, /usr/local/cuda: an installed toolkit,
#   * build/cuda: the wheels that scripts/setup-cuda fetches, which also bring cuobjdump and nvdisasm.
# CMake's own CUDA language is not used: it links a program at configure time, which the wheels alone cannot do, and
# 3.25 does not know all architectures.
#
# Sets INFILL_CUDA_NVCC, INFILL_CUDA_VERSION, INFILL_CUDA_INCLUDE, INFILL_CUDA_CUDART (the shared library), and
# INFILL_CUOBJDUMP, empty where there is none.
set(INFILL_CUDA AUTO CACHE STRING "Build the CUDA kernels: ON, OFF, or AUTO (if nvcc is found)")
set_property(CACHE INFILL_CUDA PROPERTY STRINGS AUTO ON OFF)
set(INFILL_CUDA_ARCHITECTURES "75;80;86;89;90;100;120" CACHE STRING
  "Compute capabilities of the CUDA kernels, ascending; PTX of the last is added")
set(INFILL_CUDA_MINIMUM 13.0)
set(INFILL_WITH_CUDA OFF)

# infill_find_cuda(): the variables above, in the caller's scope.
function(infill_find_cuda)
  set(wheels ${CMAKE_BINARY_DIR}/cuda/nvidia/cu13 ${PROJECT_SOURCE_DIR}/build/cuda/nvidia/cu13)
  set(candidates "${CUDACXX}" "$ENV{CUDACXX}")
  foreach(root IN ITEMS "$ENV{CUDA_PATH}" "$ENV{CUDA_HOME}")
    list(APPEND candidates "${root}/bin/nvcc")
  endforeach()
  find_program(in_path nvcc NO_CACHE)
  list(APPEND candidates "${in_path}" /usr/local/cuda/bin/nvcc)
  foreach(root IN LISTS wheels)
    list(APPEND candidates "${root}/bin/nvcc")
  endforeach()

  set(nvcc "")
  foreach(candidate IN LISTS candidates)
    if(NOT candidate OR NOT EXISTS "${candidate}")
      continue()
    endif()
    execute_process(COMMAND ${candidate} --version OUTPUT_VARIABLE text ERROR_QUIET)
    if(NOT text MATCHES "release ([0-9.]+)")
      continue()
    endif()
    set(version ${CMAKE_MATCH_1})
    cmake_path(REMOVE_FILENAME candidate OUTPUT_VARIABLE bin)
    find_path(include cuda_runtime_api.h PATHS ${bin}/../include NO_DEFAULT_PATH NO_CACHE)
    find_library(cudart NAMES libcudart.so libcudart.so.13 PATHS ${bin}/../lib64 ${bin}/../lib NO_DEFAULT_PATH NO_CACHE)
    if(version VERSION_LESS INFILL_CUDA_MINIMUM)
      message(STATUS "CUDA ${version} in ${bin} is too old, ${INFILL_CUDA_MINIMUM} is needed")
    elseif(NOT include OR NOT cudart)
      message(STATUS "CUDA ${version} in ${bin} has no headers or no shared runtime library")
    else()
      set(nvcc ${candidate})
      break()
    endif()
    unset(include)
    unset(cudart)
  endforeach()

  list(TRANSFORM wheels APPEND /bin OUTPUT_VARIABLE wheel_programs)
  find_program(cuobjdump cuobjdump HINTS "${bin}" ${wheel_programs} NO_CACHE)
  if(NOT cuobjdump)
    set(cuobjdump "")
  endif()
  set(INFILL_CUDA_NVCC "${nvcc}" PARENT_SCOPE)
  set(INFILL_CUDA_VERSION "${version}" PARENT_SCOPE)
  set(INFILL_CUDA_INCLUDE "${include}" PARENT_SCOPE)
  set(INFILL_CUDA_CUDART "${cudart}" PARENT_SCOPE)
  set(INFILL_CUOBJDUMP "${cuobjdump}" PARENT_SCOPE)
endfunction()

if(NOT INFILL_CUDA)
  message(STATUS "CUDA kernels: not built, INFILL_CUDA=${INFILL_CUDA}")
elseif(INFILL_SANITIZE)
  message(STATUS "CUDA kernels: not built with sanitizers")
else()
  infill_find_cuda()
  if(INFILL_CUDA_NVCC)
    set(INFILL_WITH_CUDA ON)
    message(STATUS "CUDA kernels: built by ${INFILL_CUDA_NVCC} ${INFILL_CUDA_VERSION} for ${INFILL_CUDA_ARCHITECTURES}")
  elseif(INFILL_CUDA STREQUAL "AUTO")
    message(STATUS "CUDA kernels: not built. nvcc ${INFILL_CUDA_MINIMUM} or later was not found; scripts/setup-cuda fetches it")
  else()
    message(FATAL_ERROR "INFILL_CUDA=${INFILL_CUDA}: nvcc ${INFILL_CUDA_MINIMUM} or later was not found. CUDACXX may name \
it; scripts/setup-cuda fetches it")
  endif()
endif()

# infill_cuda_compile(VARIABLE [PTX ARCHITECTURE] SOURCES SOURCE...): compiles .cu files with nvcc for
# INFILL_CUDA_ARCHITECTURES, or to PTX only, and sets VARIABLE to the objects, which are to be linked with
# INFILL_CUDA_CUDART. Warnings are errors if INFILL_WERROR, but for 128: a loop that the
# arguments of one instance of a template make unreachable. Line numbers, which tests and compute-sanitizer tell and
# which hold the folders of this machine, are left out where there are no tests.
function(infill_cuda_compile objects_variable)
  cmake_parse_arguments(arg "" "PTX" "SOURCES" ${ARGN})
  set(codes "")
  if(arg_PTX)
    set(newest ${arg_PTX})
  else()
    foreach(architecture IN LISTS INFILL_CUDA_ARCHITECTURES)
      list(APPEND codes -gencode arch=compute_${architecture},code=sm_${architecture})
      set(newest ${architecture})
    endforeach()
  endif()
  list(APPEND codes -gencode arch=compute_${newest},code=compute_${newest})
  set(lines "")
  if(INFILL_TESTS OR INFILL_GPU_CHECK)
    set(lines -lineinfo)
  endif()
  set(objects "")
  foreach(source IN LISTS arg_SOURCES)
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    cmake_path(GET source STEM stem)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${stem}-${newest}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${INFILL_CUDA_NVCC} -std=c++17 -O3 ${lines} ${codes} -compress-mode=size -cudart shared -Xcompiler=-fPIC,-Wall,-Wextra
        -diag-suppress=128 $<$<BOOL:${INFILL_WERROR}>:--Werror=all-warnings> -I${PROJECT_SOURCE_DIR} -I${PROJECT_SOURCE_DIR}/src
        -MD -MF ${object}.d -c ${source} -o ${object}
      DEPENDS ${source} DEPFILE ${object}.d COMMAND_EXPAND_LISTS VERBATIM COMMENT "nvcc ${stem}.cu for ${newest}")
    list(APPEND objects ${object})
  endforeach()
  set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set(${objects_variable} ${objects} PARENT_SCOPE)
endfunction()
