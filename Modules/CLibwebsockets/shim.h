#ifndef NOVA_CLIBWEBSOCKETS_SHIM_H
#define NOVA_CLIBWEBSOCKETS_SHIM_H

#include <libwebsockets.h>

/* Object-like macros with casts or expressions, which Swift cannot import. */
static const int nova_lws_pre = LWS_PRE;
static const int nova_lws_library_version = LWS_LIBRARY_VERSION_NUMBER;
static const enum lws_write_protocol nova_lws_write_raw = LWS_WRITE_RAW;

#endif
