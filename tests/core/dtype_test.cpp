#include <voxgrad/core/dtype.h>

#include <gtest/gtest.h>

#include <array>

#include <voxgrad/core/device.h>
#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

// From the lowest to the highest in promotion.
constexpr std::array<DType, kDTypeCount> kByPromotion = {
    DType::boolean, DType::uint8, DType::int32, DType::int64, DType::float32, DType::float64};

TEST(DType, SizeIsThatOfTheCppType) {
  for (const DType dtype : kByPromotion) {
    const std::size_t expected = visit_dtype(dtype, []<typename T>() { return sizeof(T); });
    EXPECT_EQ(size_of(dtype), expected) << name(dtype);
  }
}

TEST(DType, VisitGivesTheTypeOfTheDType) {
  for (const DType dtype : kByPromotion) {
    EXPECT_EQ(visit_dtype(dtype, []<typename T>() { return dtype_of<T>(); }), dtype);
  }
}

TEST(DType, NamesAreThoseOfPyTorch) {
  EXPECT_EQ(name(DType::float32), "float32");
  EXPECT_EQ(name(DType::float64), "float64");
  EXPECT_EQ(name(DType::int64), "int64");
  EXPECT_EQ(name(DType::int32), "int32");
  EXPECT_EQ(name(DType::uint8), "uint8");
  EXPECT_EQ(name(DType::boolean), "bool");
}

TEST(DType, PromotionTakesTheHigherOfTwo) {
  for (std::size_t low = 0; low < kByPromotion.size(); ++low) {
    for (std::size_t high = low; high < kByPromotion.size(); ++high) {
      EXPECT_EQ(promote(kByPromotion[low], kByPromotion[high]), kByPromotion[high]);
      EXPECT_EQ(promote(kByPromotion[high], kByPromotion[low]), kByPromotion[high]);
    }
  }
}

TEST(DType, DefaultIsFloat32AndTakesFloatingTypesOnly) {
  EXPECT_EQ(default_dtype(), DType::float32);
  set_default_dtype(DType::float64);
  EXPECT_EQ(default_dtype(), DType::float64);
  EXPECT_THROW(set_default_dtype(DType::int64), DTypeError);
  EXPECT_EQ(default_dtype(), DType::float64);
  set_default_dtype(DType::float32);
}

TEST(Device, PrintsAsPyTorchDoes) {
  EXPECT_EQ(to_string(Device{}), "cpu");
  EXPECT_EQ(to_string(Device{DeviceType::cuda, 1}), "cuda:1");
}

}  // namespace
}  // namespace voxgrad
