# Everything the library links, all of it privately. What is missing is named with its Debian package.
function(voxgrad_missing what package)
  message(FATAL_ERROR "voxgrad: ${what} not found. On Debian and Ubuntu: apt-get install ${package}")
endfunction()

find_package(Threads REQUIRED)
find_package(fmt QUIET CONFIG)
if(NOT TARGET fmt::fmt)
  voxgrad_missing("{fmt}" libfmt-dev)
endif()
find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  voxgrad_missing("zlib" zlib1g-dev)
endif()
find_package(PNG QUIET)
if(NOT PNG_FOUND)
  voxgrad_missing("libpng" libpng-dev)
endif()

find_path(VOXGRAD_JSON_INCLUDE nlohmann/json.hpp)
mark_as_advanced(VOXGRAD_JSON_INCLUDE)
if(NOT VOXGRAD_JSON_INCLUDE)
  voxgrad_missing("nlohmann's JSON" nlohmann-json3-dev)
endif()

# niftilib ships neither CMake nor pkg-config files.
find_path(VOXGRAD_NIFTI_INCLUDE nifti1_io.h PATH_SUFFIXES nifti)
find_library(VOXGRAD_NIFTI_LIBRARY niftiio)
find_library(VOXGRAD_ZNZ_LIBRARY znz)
mark_as_advanced(VOXGRAD_NIFTI_INCLUDE VOXGRAD_NIFTI_LIBRARY VOXGRAD_ZNZ_LIBRARY)
if(NOT VOXGRAD_NIFTI_INCLUDE OR NOT VOXGRAD_NIFTI_LIBRARY OR NOT VOXGRAD_ZNZ_LIBRARY)
  voxgrad_missing("niftilib" libnifti-dev)
endif()

# The static pthread build of OpenBLAS becomes part of the library, hidden (see ops/cpu/blas.cpp): Debian's
# shared builds are one per system, shared with NumPy, and some are wrong or slow under several threads.
find_library(VOXGRAD_OPENBLAS NAMES libopenblas.a NO_DEFAULT_PATH
             PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread
             DOC "Static OpenBLAS, built with pthreads, that is linked into the library")
if(NOT VOXGRAD_OPENBLAS)
  voxgrad_missing("the static OpenBLAS" libopenblas-pthread-dev)
endif()
