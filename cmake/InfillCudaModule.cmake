# infill_cuda_module(TARGET): a shared library that libinfill.so opens as its CUDA module (cuda/module.h). Its name and
# its only symbol hold the full version.
string(REPLACE . _ infill_version_symbol ${PROJECT_VERSION})
set(INFILL_CUDA_MODULE_DEFINITIONS INFILL_MODULE_VERSION="${PROJECT_VERSION}"
  INFILL_MODULE_ENTRY=infill_cuda_module_${infill_version_symbol})

function(infill_cuda_module target)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME infill_cuda VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION})
  target_compile_definitions(${target} PRIVATE ${INFILL_CUDA_MODULE_DEFINITIONS})
endfunction()
