#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "upgrade.h"

// One offer of permessage-deflate.
struct offer {
    bool acceptable;
    bool limits_server_window;
};

static const char *skip_space(const char *p) { return p + strspn(p, " \t"); }

// Takes a token, or one in quotes (RFC 7692 section 5.2), and the space behind it. What is too long for `to` is no name
// that is known here.
static const char *take_token(const char *p, char to[32]) {
    bool is_quoted = *p == '"';
    p += is_quoted;
    size_t size = strcspn(p, is_quoted ? "\"\r\n" : ",;= \t\r\n");
    snprintf(to, 32, "%.*s", (int)(size < 31 ? size : 31), p);
    p += size;
    return skip_space(p + (is_quoted && *p == '"'));
}

// A parameter of the offer (RFC 7692 section 7.1).
static void consider(struct offer *offer, const char *name, const char *value) {
    bool is_fine = false;
    if (strcasecmp(name, "server_no_context_takeover") == 0) is_fine = !value;
    if (strcasecmp(name, "client_no_context_takeover") == 0) is_fine = !value;
    // The client's window may be what it likes: nothing is inflated here.
    if (strcasecmp(name, "client_max_window_bits") == 0) is_fine = true;
    if (strcasecmp(name, "server_max_window_bits") == 0) {
        is_fine = value && strcmp(value, "15") == 0;
        offer->limits_server_window = true;
    }
    offer->acceptable = offer->acceptable && is_fine;
}

// Takes one offer with its parameters; returns what follows: a comma or the end of the line.
static const char *take_offer(const char *p, struct offer *offer) {
    char name[32], value[32];
    p = take_token(skip_space(p), name);
    *offer = (struct offer){.acceptable = strcasecmp(name, "permessage-deflate") == 0};
    while (*p == ';') {
        p = take_token(skip_space(p + 1), name);
        bool has_value = *p == '=';
        if (has_value) p = take_token(skip_space(p + 1), value);
        consider(offer, name, has_value ? value : NULL);
    }
    // Something else is no offer, nor is what follows it.
    size_t rest = strcspn(p, ",\r\n");
    offer->acceptable = offer->acceptable && rest == 0;
    return p + rest;
}

bool extensions_accept_deflate(const char *request, char answer[EXTENSION_ANSWER]) {
    static const char field[] = "\r\nSec-WebSocket-Extensions:";
    answer[0] = 0;
    for (const char *p = request; (p = strcasestr(p, field));) {
        p += sizeof field - 2;
        do {
            struct offer offer;
            p = take_offer(p + 1, &offer);
            if (!offer.acceptable) continue;
            snprintf(
                answer, EXTENSION_ANSWER,
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                "client_no_context_takeover%s\r\n",
                offer.limits_server_window ? "; server_max_window_bits=15" : "");
            return true;
        } while (*p == ',');
    }
    return false;
}
