#include "netwright/core/error.hpp"
