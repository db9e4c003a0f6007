// The runner of CAF's tests and its main(), compiled once for all suites: see CafSuite.cmake.
#include "caf/test/unit_test_impl.hpp"
