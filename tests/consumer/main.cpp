// Uses the installed library through its umbrella header alone, and catches one of its exceptions.
#include <voxgrad/voxgrad.h>

#include <iostream>
#include <string>

// Headers that pull in a dependency of the library would make users install it too.
#if defined(FMT_VERSION) || defined(OPENBLAS_CONFIG_H) || defined(CBLAS_H) || defined(ZLIB_VERSION)
#error "a public header includes a private dependency"
#endif

int main() {
  const std::string version = voxgrad::version();
  if (version != CONSUMER_EXPECTS_VERSION) {
    std::cerr << "version " << version << '\n';
    return 1;
  }
  try {
    static_cast<void>(voxgrad::element_count(voxgrad::Shape{2, -3}));
  } catch (const voxgrad::ShapeError& error) {
    std::cout << "voxgrad " << version << ": " << error.what() << '\n';
    return 0;
  }
  std::cerr << "a negative size was taken\n";
  return 1;
}
