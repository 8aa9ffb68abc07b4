import type { Issue } from '../../../src/base/units/index.ts';

type OwnRule = {
  readonly why: string;
  readonly path: RegExp;
  readonly expected: RegExp;
  /** What was written and the reason does not stand for. */
  readonly except?: RegExp;
};

/**
 * What the language refuses although Envoy takes it, and why that is no mistake. A refusal that no line here stands for is a
 * false one. Each reason is about what such a value would do, or about the language; none of them says that Envoy refuses it.
 */
export const OWN_RULES: readonly OwnRule[] = [
  rule('names become cluster names, runtime keys and labels of metrics', /name$|modelServices\[\d+\]$/, /^a name of/),
  rule(
    'it would be there twice, and Envoy would silently use one of them',
    /./,
    /^(?:each|one) .*(?:once|of this name)/,
  ),
  rule(
    'two services would match the same requests, and all would go to the first',
    /modelServices/,
    /^services that match different/,
  ),
  rule('a name of nothing', /modelServices/, /^the name of a ModelService/),
  rule('nothing would be served', /listeners$|modelServices$|static$|hostnames$|retryOn$/, /^a list of at least one/),
  rule('nothing listens on port 0', /\.port$/, /^a port/),
  rule('a server cannot be reached at a wildcard address', /static\[\d+\]\.address$/, /^an IP address of a server/),
  rule(
    'Envoy reports IPv4-mapped addresses in another spelling, and endpoints are told apart by it',
    /address$/,
    /^an IP address/,
  ),
  rule(
    'no request line or header can carry it, or the language has one spelling for it',
    /match\.pathPrefix$|key\.header$/,
    /^(?:a path prefix|the name of a header)/,
    /got (?:\/a{30}|x{30})/,
  ),
  rule(
    'nobody can call it, or the language has one spelling for it: lower case, a star in front, no port',
    /hostnames\[\d+\]$/,
    /^a host name in lower case/,
    /got "?(?:\[[0-9a-f:]+\]|[a-z0-9-]+\.)"?$/,
  ),
  rule('a label of metrics: printable and short', /\.zone$/, /^the name of a zone/),
  rule(
    'longer than anybody waits: most often a unit was mistaken',
    /timeouts|backOff|retryAfter|outlierDetection/,
    /^a duration/,
  ),
  rule(
    'more would make an outage worse',
    /numRetries$|minRetryConcurrency$|maxKeys$/,
    /^a whole number 0\.\.10$|^a whole number [01]\.\.1000?000?$/,
  ),
  rule(
    'a runtime value out of its range: Envoy takes any without a word',
    /budget\.percent$|circuitBreakers/,
    /^a percentage|^a whole number 1\.\./,
  ),
  rule('0 would mean never, or nothing at all', /consecutive|burst$/, /^a whole number 1\.\./),
  rule('the prior of a weight: out of 0..1000 it means nothing', /capacity$/, /^a number above 0/),
  rule('Envoy ignores a word that it does not know', /retryOn\[\d+\]$/, /^one of 5xx/),
  rule('no answer has such a status', /retriableStatusCodes\[\d+\]$/, /^a whole number 100\.\.599/),
  rule(
    'it contradicts its neighbour, and would do nothing',
    /maxKeys$|retriableStatusCodes$|maxInterval$/,
    /^(?:no maxKeys|no status codes|at least one status code|at least baseInterval)/,
  ),
  rule('slower than one a day, or faster than Envoy counts', /rate$/, /^a rate/),
];

/** The reason that stands for an issue; undefined: there is none. */
export function ownRule({ path, message }: Issue): string | undefined {
  const expected = message.replace(/^expected /, '').replace(/, got [\s\S]*$/, '');
  return OWN_RULES.find(
    (one) => one.path.test(path) && one.expected.test(expected) && one.except?.test(message) !== true,
  )?.why;
}

function rule(why: string, path: RegExp, expected: RegExp, except?: RegExp): OwnRule {
  return { why, path, expected, ...(except === undefined ? {} : { except }) };
}
