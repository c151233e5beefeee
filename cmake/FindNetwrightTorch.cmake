# libtorch's CPU half out of a PyTorch wheel, as the imported target netwright_libtorch.
# Looked for in: NETWRIGHT_TORCH, the torch of the active Python, the project's .venv. Any torch 2.10 or later.
# Torch's own package file is not used: it needs a CUDA toolkit even where only the CPU half is linked.
set(candidates "${NETWRIGHT_TORCH}")
if(NOT NETWRIGHT_TORCH)
  foreach(python "$ENV{VIRTUAL_ENV}/bin/python" python3)
    execute_process(
      COMMAND ${python} -c "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    list(APPEND candidates "${found}")
  endforeach()
  file(GLOB in_venv "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
  list(APPEND candidates ${in_venv})
endif()
set(NetwrightTorch_ROOT "")
foreach(candidate IN LISTS candidates)
  if(candidate AND EXISTS "${candidate}/lib/libtorch_cpu.so" AND NOT NetwrightTorch_ROOT)
    if(EXISTS "${candidate}/version.py")
      file(STRINGS "${candidate}/version.py" line REGEX "^__version__")
      string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" version "${line}")
    endif()
    if(version VERSION_LESS 2.10)
      message(STATUS "torch ${version} in ${candidate} is older than 2.10: passed over")
    else()
      set(NetwrightTorch_ROOT "${candidate}")
      set(NetwrightTorch_VERSION "${version}")
    endif()
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NetwrightTorch REQUIRED_VARS NetwrightTorch_ROOT VERSION_VAR NetwrightTorch_VERSION
  REASON_FAILURE_MESSAGE "no torch 2.10 or later found: run 'make deps', or give -DNETWRIGHT_TORCH=.../site-packages/torch")
if(NetwrightTorch_FOUND AND NOT TARGET netwright_libtorch)
  message(STATUS "torch ${NetwrightTorch_VERSION}: ${NetwrightTorch_ROOT}")
  add_library(netwright_libtorch INTERFACE IMPORTED GLOBAL)
  target_include_directories(netwright_libtorch SYSTEM INTERFACE
    "${NetwrightTorch_ROOT}/include" "${NetwrightTorch_ROOT}/include/torch/csrc/api/include")
  target_link_libraries(netwright_libtorch INTERFACE
    "${NetwrightTorch_ROOT}/lib/libtorch_cpu.so" "${NetwrightTorch_ROOT}/lib/libc10.so" ${CMAKE_DL_LIBS})
  # Without it at::parallel_for, which is a template of torch's headers, is a plain loop. The runtime is torch's own, for two would fight.
  file(GLOB NetwrightTorch_GOMP "${NetwrightTorch_ROOT}/lib/libgomp*.so*")
  target_compile_options(netwright_libtorch INTERFACE -fopenmp)
  target_link_libraries(netwright_libtorch INTERFACE ${NetwrightTorch_GOMP})
  target_link_options(netwright_libtorch INTERFACE "-Wl,-rpath,${NetwrightTorch_ROOT}/lib" "-Wl,--allow-shlib-undefined")
  target_compile_definitions(netwright_libtorch INTERFACE NETWRIGHT_TORCH_VERSION="${NetwrightTorch_VERSION}"
    NETWRIGHT_TORCH_LIB="${NetwrightTorch_ROOT}/lib")
endif()
