#ifndef NOVA_CLIBEV_SHIM_H
#define NOVA_CLIBEV_SHIM_H

#include <ev.h>

#endif
