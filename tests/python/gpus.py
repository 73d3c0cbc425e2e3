"""What tests of GPUs need."""
import pytest

import voxgrad

needs_gpu = pytest.mark.skipif(not voxgrad.cuda.is_available(), reason="there is no GPU that this build can use")
