/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

/** `scheme://user:password@host` and `scheme://token@host`. */
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#@"'<>]{1,1024}@/gi;
const URL_SECRETS = /([?&](?:access_token|token|password|secret|api_?key|key|sig|signature)=)[^&\s#"']{1,4096}/gi;
const AUTH_SCHEME = /\b(bearer|basic)\s+[\w+/=~.-]{6,4096}/gi;

/** What every text with a credential has; most have nothing of it, and are not searched further. */
const SUSPICIOUS = /[@=]|bearer|basic/i;

/** @returns the text without the credentials that it carries: in URLs, in query strings, after an authorization scheme. */
export function scrubText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return text
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(URL_SECRETS, `$1${REDACTED}`)
    .replace(AUTH_SCHEME, `$1 ${REDACTED}`);
}
