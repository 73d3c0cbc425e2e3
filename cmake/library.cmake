# libvoxgrad.so: all sources of the root folders; of ops/cuda those that cuda.cmake picks.
set(VOXGRAD_FOLDERS core ops autograd nn optim data io)
set(VOXGRAD_INCLUDE ${PROJECT_BINARY_DIR}/include)

# <voxgrad/core/tensor.h> is core/tensor.h for everyone, in the source tree and installed.
file(MAKE_DIRECTORY ${VOXGRAD_INCLUDE}/voxgrad)
set(sources)
set(public_headers)
foreach(folder IN LISTS VOXGRAD_FOLDERS)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${VOXGRAD_INCLUDE}/voxgrad/${folder} SYMBOLIC)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  list(APPEND sources ${found})
  file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${folder}/*.h)
  if(NOT folder STREQUAL ops)
    list(APPEND public_headers ${found})
  endif()
endforeach()
list(FILTER sources EXCLUDE REGEX "/ops/cuda/")
include(cmake/cuda.cmake)
list(APPEND sources ${VOXGRAD_CUDA_SOURCES})

# A header is internal when its first line says so ("// Internal ..."); all others are public and installed.
set(umbrella "// Generated: every public header.\n#pragma once\n\n")
set(installed_headers)
foreach(header IN LISTS public_headers)
  file(STRINGS ${PROJECT_SOURCE_DIR}/${header} first_line LIMIT_COUNT 1)
  if(first_line MATCHES "^// Internal")
    continue()
  endif()
  string(APPEND umbrella "#include <voxgrad/${header}>\n")
  list(APPEND installed_headers ${VOXGRAD_INCLUDE}/voxgrad/${header})
endforeach()
file(CONFIGURE OUTPUT ${VOXGRAD_INCLUDE}/voxgrad/voxgrad.h CONTENT "${umbrella}" @ONLY)
list(APPEND installed_headers ${VOXGRAD_INCLUDE}/voxgrad/voxgrad.h)

# Shared, always: in a static library --exclude-libs does nothing, so OpenBLAS would not be private.
add_library(voxgrad SHARED ${sources})
add_library(voxgrad::voxgrad ALIAS voxgrad)
set_target_properties(voxgrad PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_compile_features(voxgrad PUBLIC cxx_std_20)
target_sources(voxgrad PUBLIC FILE_SET HEADERS BASE_DIRS ${VOXGRAD_INCLUDE} FILES ${installed_headers})
target_include_directories(voxgrad SYSTEM PRIVATE ${VOXGRAD_NIFTI_INCLUDE} ${VOXGRAD_JSON_INCLUDE})
target_link_libraries(voxgrad PRIVATE $<BUILD_INTERFACE:voxgrad_options> fmt::fmt PNG::PNG ZLIB::ZLIB
                      ${VOXGRAD_NIFTI_LIBRARY} ${VOXGRAD_ZNZ_LIBRARY} ${VOXGRAD_OPENBLAS} Threads::Threads m)
target_include_directories(voxgrad PRIVATE ${VOXGRAD_CUDA_INCLUDE})
if(TARGET CUDA::cudart_static)
  target_link_libraries(voxgrad PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
  target_include_directories(voxgrad SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
endif()
target_link_options(voxgrad PRIVATE -Wl,--exclude-libs,ALL)
if(VOXGRAD_WERROR AND NOT VOXGRAD_SANITIZE)
  target_link_options(voxgrad PRIVATE -Wl,--no-undefined)
endif()
set_property(SOURCE ${PROJECT_SOURCE_DIR}/core/version.cpp APPEND PROPERTY
             COMPILE_DEFINITIONS VOXGRAD_VERSION="${PROJECT_VERSION}")

# Roots that report no error can be taken several at a time. The values are the same.
set_property(SOURCE ${PROJECT_SOURCE_DIR}/ops/cpu/update.cpp APPEND PROPERTY
             COMPILE_OPTIONS -fno-math-errno)

# Selections become vectors only where both sides may be computed, whatever floating-point flags that sets. The values
# are the same.
set(selecting_kernels activation.cpp average_pool.cpp elementwise.cpp norm.cpp norm_gradients.cpp pool.cpp)
list(TRANSFORM selecting_kernels PREPEND ${PROJECT_SOURCE_DIR}/ops/cpu/)
set_property(SOURCE ${selecting_kernels} APPEND PROPERTY COMPILE_OPTIONS -fno-trapping-math)
# g++ would run two taps together, and then select with branches.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/ops/cpu/pool.cpp ${PROJECT_SOURCE_DIR}/ops/cpu/average_pool.cpp APPEND PROPERTY
               COMPILE_OPTIONS -fno-loop-unroll-and-jam)
endif()

# The convolution's kernels, one file per instruction set. Fused multiply-adds are what they are for.
foreach(algorithm depthwise direct winograd)
  set(kernels ${PROJECT_SOURCE_DIR}/ops/cpu/conv/${algorithm})
  set_property(SOURCE ${kernels}_portable.cpp ${kernels}_avx2.cpp ${kernels}_avx512.cpp APPEND PROPERTY
               COMPILE_OPTIONS -ffp-contract=fast)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set_property(SOURCE ${kernels}_avx2.cpp APPEND PROPERTY COMPILE_OPTIONS -mavx2 -mfma)
    set_property(SOURCE ${kernels}_avx512.cpp APPEND PROPERTY COMPILE_OPTIONS
                 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
  endif()
endforeach()
