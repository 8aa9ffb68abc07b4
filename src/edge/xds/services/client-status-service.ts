import {
  checkRules,
  decodeMessage,
  encodeClientStatusResponse,
  encodeResourceStatus,
  encodeStatusNode,
} from '../../../base/codec/index.ts';
import { type RpcMethods, STATUS } from '../transport/rpc.ts';
import { type Answer, answerStream } from './answer-stream.ts';
import { type ClientNode, type ClientStatusSource, resourceStatus } from './client-status.ts';
import { type NodeMatcher, selectNodes } from './matchers/node-matchers.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { unary } from './unary.ts';

const SERVICE = 'envoy.service.status.v3.ClientStatusDiscoveryService';
const REQUEST = 'envoy.service.status.v3.ClientStatusRequest';

/** gRPC clients refuse messages above 4 MiB unless told otherwise. */
const MAX_MESSAGE_BYTES = 3 * 1024 * 1024;

/** Tag and length around a part of a message, at most. */
const FRAMING_BYTES = 6;

const MAX_ISSUES = 5;

export type ClientStatusOptions = {
  /** Answers above it are split on a stream, and refused otherwise. */
  readonly maxMessageBytes?: number;
};

/**
 * Envoy's client status discovery: what each node should have, was sent, and has ACKed, for `istioctl`-like tools and
 * grpcurl. On a stream an answer of many megabytes comes in several messages, and so may one node: its parts name it
 * again. One resource that is above the limit alone goes out as it is, since half a resource is none.
 */
export function clientStatusMethods(source: ClientStatusSource, options: ClientStatusOptions = {}): RpcMethods {
  const maxBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  const answer = (request: Buffer): Answer | Refusal => {
    const read = readRequest(request, source.nodes());
    return isRefusal(read) ? read : responses(source, read, maxBytes);
  };
  return new Map([
    [`/${SERVICE}/StreamClientStatus`, answerStream(() => answer)],
    [
      `/${SERVICE}/FetchClientStatus`,
      unary((request) => {
        const result = answer(request);
        return isRefusal(result) ? result : onlyOne(result, maxBytes);
      }),
    ],
  ]);
}

type Query = { readonly nodes: readonly ClientNode[]; readonly contents: boolean };

function readRequest(bytes: Buffer, nodes: readonly ClientNode[]): Query | Refusal {
  const request = decodeMessage(REQUEST, bytes) as {
    readonly node_matchers?: readonly NodeMatcher[];
    readonly exclude_resource_contents?: boolean;
  };
  const broken = checkRules(REQUEST, bytes).map(({ path, message }) => `${path}: ${message}`);
  if (broken.length > 0) return invalid(broken);
  const selection = selectNodes(request.node_matchers ?? [], nodes);
  switch (selection.kind) {
    case 'Invalid':
      return invalid(selection.issues);
    case 'TooExpensive':
      return refusal(
        STATUS.RESOURCE_EXHAUSTED,
        `the matchers take too long over ${nodes.length} nodes: use fewer, or exact, prefix or suffix in place of safe_regex`,
      );
    case 'Selected':
      return { nodes: selection.nodes, contents: request.exclude_resource_contents !== true };
  }
}

function invalid(issues: readonly string[]): Refusal {
  const shown = issues.slice(0, MAX_ISSUES);
  const more = issues.length > MAX_ISSUES ? [`and ${issues.length - MAX_ISSUES} more`] : [];
  return refusal(STATUS.INVALID_ARGUMENT, [...shown, ...more].join('; '));
}

/** Packs the parts into messages of at most `maxBytes`; there is always one, as an answer to who asks for nobody. */
function* responses(source: ClientStatusSource, query: Query, maxBytes: number): Generator<Buffer> {
  let clients: { node: Uint8Array; resources: Uint8Array[] }[] = [];
  let size = 0;
  for (const { node, resource } of parts(source, query)) {
    const resourceBytes = resource === undefined ? 0 : resource.length + FRAMING_BYTES;
    const nodeBytes = node.length + 2 * FRAMING_BYTES;
    let goesOn = clients.at(-1)?.node === node;
    if (clients.length > 0 && size + resourceBytes + (goesOn ? 0 : nodeBytes) > maxBytes) {
      yield encodeClientStatusResponse(clients);
      clients = [];
      size = 0;
      goesOn = false;
    }
    if (!goesOn) {
      clients.push({ node, resources: [] });
      size += nodeBytes;
    }
    if (resource !== undefined) clients.at(-1)?.resources.push(resource);
    size += resourceBytes;
  }
  yield encodeClientStatusResponse(clients);
}

/** A node with one of its resources; a node that has none comes once. */
function* parts(
  source: ClientStatusSource,
  { nodes, contents }: Query,
): Generator<{ readonly node: Uint8Array; readonly resource?: Uint8Array }> {
  for (const client of nodes) {
    const node = encodeStatusNode({ id: client.id, cluster: client.group, envoyVersion: client.envoyVersion });
    const resources = source.resources(client);
    if (resources.length === 0) yield { node };
    for (const resource of resources) {
      yield { node, resource: encodeResourceStatus(resourceStatus(resource, { contents })) };
    }
  }
}

function onlyOne(answer: Answer, maxBytes: number): Uint8Array | Refusal {
  const [first, second] = answer;
  if (first !== undefined && second === undefined && first.length <= maxBytes) return first;
  return refusal(
    STATUS.RESOURCE_EXHAUSTED,
    `the answer is larger than ${maxBytes} bytes: use StreamClientStatus, which splits it, ask for fewer nodes with node_matchers, or set exclude_resource_contents`,
  );
}
