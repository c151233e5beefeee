#pragma once
#include "netwright/graph/weights.hpp"
