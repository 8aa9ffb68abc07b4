/** What the head of an answer says, as far as a page needs it. */
export type ResponseHead = {
  readonly status: number;
  /** As written; '' when the answer does not say. */
  readonly contentType: string;
  readonly contentEncoding: string;
  /** Undefined when the body is chunked, or ends with the connection. */
  readonly bodyBytes: number | undefined;
  readonly chunked: boolean;
  /** The connection can be used again once the body was read. */
  readonly keepsAlive: boolean;
};

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/;
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
/** What others might take for the end of a line. */
const CONTROLS = ['\r', '\n', '\0'];
const MAX_DIGITS = 15;

/**
 * Parses a head, without the empty line at its end. Undefined when it is not HTTP/1, or when it can be understood in two
 * ways: two lengths, a length and chunks, a folded line.
 */
export function parseResponseHead(text: string): ResponseHead | undefined {
  const [first = '', ...lines] = text.split('\r\n');
  const status = STATUS_LINE.exec(first);
  if (status === null) return undefined;
  let [contentType, contentEncoding, connection] = ['', '', ''];
  let length: string | undefined;
  let coding: string | undefined;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    // Neither a blank before the colon nor a folded line is a token (RFC 9112, section 5).
    if (!TOKEN.test(name) || CONTROLS.some((control) => line.includes(control))) return undefined;
    const value = line.slice(colon + 1).trim();
    switch (name.toLowerCase()) {
      case 'content-type':
        // As node has it, the first counts.
        if (contentType === '') contentType = value;
        break;
      case 'content-encoding':
        contentEncoding = contentEncoding === '' ? value : `${contentEncoding}, ${value}`;
        break;
      case 'connection':
        connection = `${connection},${value.toLowerCase()}`;
        break;
      case 'content-length':
        if (length !== undefined || !/^\d+$/.test(value) || value.length > MAX_DIGITS) return undefined;
        length = value;
        break;
      case 'transfer-encoding':
        if (coding !== undefined || value.toLowerCase() !== 'chunked') return undefined;
        coding = value;
        break;
    }
  }
  if (length !== undefined && coding !== undefined) return undefined;
  const options = connection.split(',').map((option) => option.trim());
  const framed = length !== undefined || coding !== undefined;
  return {
    status: Number(status[2]),
    contentType,
    contentEncoding,
    bodyBytes: length === undefined ? undefined : Number(length),
    chunked: coding !== undefined,
    keepsAlive: framed && !options.includes('close') && (status[1] === '1' || options.includes('keep-alive')),
  };
}
