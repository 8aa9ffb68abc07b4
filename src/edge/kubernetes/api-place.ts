import { isLoopback, parseAddress, type Result } from '../../base/units/index.ts';

/** Where the API of a cluster is, and the files to speak to it with. */
export type ApiPlace = { readonly url: string; readonly tokenFile?: string; readonly caFile?: string };

/** Where every pod finds them. Source: Kubernetes, "Accessing the Kubernetes API from a Pod". */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const NODE_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** From within a pod, by the variables that each has; undefined: this is none. */
export function inCluster(env: Readonly<Record<string, string | undefined>>): ApiPlace | undefined {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = env;
  if (host === '' || port === '') return undefined;
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tokenFile: `${SERVICE_ACCOUNT}/token`,
    caFile: `${SERVICE_ACCOUNT}/ca.crt`,
  };
}

/** As an operator gives it. A token goes over TLS alone; without TLS only this machine is spoken to (`kubectl proxy`). Issues are `Invalid`. */
export function readApiPlace({ url, tokenFile, caFile }: ApiPlace): Result<ApiPlace> {
  if (!/^https?:\/\/[^/?#@\s]+\/?$/.test(url) || !URL.canParse(url))
    return invalid('url', `expected a URL without a path, such as https://10.0.0.1:6443, got '${url}'`);
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:') {
    const address = parseAddress(`${hostname}:80`);
    if (!address.ok || !isLoopback(address.value))
      return invalid('url', `expected https://, since ${hostname} is not this machine`);
    if (tokenFile !== undefined) return invalid('tokenFile', 'a token is sent over https:// alone');
    if (caFile !== undefined) return invalid('caFile', 'an authority is for https:// alone');
  }
  const files = { ...(tokenFile === undefined ? {} : { tokenFile }), ...(caFile === undefined ? {} : { caFile }) };
  return { ok: true, value: { url, ...files }, warnings: [] };
}

/** Whether a node can have that name: a subdomain as RFC 1123 has them. */
export function isNodeName(text: string): boolean {
  return NODE_NAME.test(text);
}

function invalid(path: string, message: string): Result<never> {
  return { ok: false, issues: [{ code: 'Invalid', path, message }] };
}
