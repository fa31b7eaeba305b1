#include "server_tls.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>

static bool add_extension(X509 *certificate, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

// Signed by itself, for 127.0.0.1 and a day.
static X509 *make_certificate(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    if (!certificate) return NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    bool made = X509_set_version(certificate, X509_VERSION_3) == 1
        && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1
        && X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        && X509_gmtime_adj(X509_getm_notAfter(certificate), 86400)
        && X509_set_pubkey(certificate, key) == 1
        && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"nova-bench", -1, -1, 0) == 1
        && X509_set_issuer_name(certificate, name) == 1
        && add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE")
        && add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1")
        && X509_sign(certificate, key, EVP_sha256()) > 0;
    if (made) return certificate;
    X509_free(certificate);
    return NULL;
}

static bool write_certificate(X509 *certificate, const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) return false;
    bool written = PEM_write_X509(file, certificate) == 1;
    return fclose(file) == 0 && written;
}

SSL_CTX *server_tls_make(const char *certificate_path) {
    errno = 0;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key) : NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool made = certificate && context && SSL_CTX_use_certificate(context, certificate) == 1
        && SSL_CTX_use_PrivateKey(context, key) == 1 && write_certificate(certificate, certificate_path);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (made) return context;
    SSL_CTX_free(context);
    if (errno == 0) errno = ENOTSUP;
    return NULL;
}
