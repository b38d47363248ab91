/**
 * Whether Node refused the certificate of the other side: who signed it, how long it holds, or whose it is. By the code of the error,
 * of https://nodejs.org/api/tls.html#x509-certificate-error-codes.
 */
export const isUntrusted = (code: string | undefined): boolean => code !== undefined && UNTRUSTED.test(code)

const UNTRUSTED =
  /^(CERT_|UNABLE_TO_|CRL_|(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)$)/

/** What a certificate error says, for a sentence about the other side. */
export const untrusted = (detail: string): string => `its certificate is not trusted: ${detail.replace(/\.$/, "")}`
