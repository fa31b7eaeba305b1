// A target needs a source file; all of CWire is inline.
#include "wire.h"
