import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import type { Log } from '../../observe/index.ts';
import type { DocumentKey } from '../../store/index.ts';
import { encodeDryRun, encodeVerdict } from '../dry-run-message.ts';
import type { Permit } from '../gate.ts';
import { flag, list, number, numberOrNull, text, toEnum, type Wire } from '../wire-values.ts';
import type { PoliciesSeam } from './policies-seam.ts';
import { type Caller, PolicyDesk, type Told, type Written } from './policy-desk.ts';
import { decodeFiles, decodeKey, encodeDocument, encodeVersion } from './policy-messages.ts';
import { type Found, findDocuments, findVersions } from './policy-readings.ts';
import { PolicyWatches } from './policy-watches.ts';
import { type Answer, done, failure } from './refusal.ts';
import { statusWithDetails } from './status-details.ts';
import type { WriteTerms } from './write-terms.ts';

type UnaryHandler = (call: ServerUnaryCall<Wire, Wire>, callback: sendUnaryData<Wire>, permit: Permit) => void;
type StreamHandler = (call: ServerWritableStream<Wire, Wire>, permit: Permit) => void;

export type PoliciesService = {
  readonly handlers: Readonly<Record<string, UnaryHandler | StreamHandler>>;
  /** Ends every watch. */
  stop(): void;
};

/** The gRPC side of policies: messages to calls of the desk and back. */
export function policiesService(seam: PoliciesSeam, log: Log): PoliciesService {
  const desk = new PolicyDesk(seam);
  const watches = new PolicyWatches(seam.owner, log);
  const unary = (
    method: string,
    handle: (request: Wire, caller: Caller) => Promise<Answer<Wire>>,
  ): Readonly<Record<string, UnaryHandler>> => ({ [method]: answering(method, handle, log) });
  const handlers = {
    ...unary('validate', async ({ files, alone, envoy }, caller) => {
      const checked = await desk.validate(decodeFiles(files), { alone: flag(alone), envoy: flag(envoy) }, caller);
      return mapped(checked, ({ warnings, policy, verdict }) => ({
        warnings,
        policyRevision: policy.revision,
        verdict: verdict && encodeVerdict(verdict),
      }));
    }),
    ...unary('diff', async ({ files, textsOnly }, caller) =>
      mapped(await desk.diff(decodeFiles(files), caller, flag(textsOnly)), encodeCompared),
    ),
    ...unary('apply', async (request, caller) =>
      mapped(await desk.apply(decodeFiles(request.files), termsOf(request), caller), encodeWritten),
    ),
    ...unary('delete', async (request, caller) =>
      mapped(await desk.delete(list(request.keys, decodeKey), termsOf(request), caller), encodeWritten),
    ),
    ...unary('rollback', async (request, caller) =>
      mapped(
        await desk.rollback(keyOf(request.key), number(request.toRevision), termsOf(request), caller),
        encodeWritten,
      ),
    ),
    ...unary('get', async (request, { permit }) => {
      const query = {
        keys: list(request.keys, decodeKey),
        kind: text(request.kind),
        atRevision: numberOrNull(request.atRevision) ?? undefined,
      };
      return mapped(await findDocuments(seam, query, permit), (found) => encodeFound(found, true));
    }),
    ...unary('list', async (request, { permit }) => {
      const query = { keys: [], kind: text(request.kind), atRevision: undefined };
      return mapped(await findDocuments(seam, query, permit), (found) => encodeFound(found, false));
    }),
    ...unary('history', async (request, { permit }) => {
      const query = {
        key: keyOf(request.key),
        before: numberOrNull(request.before) ?? undefined,
        limit: number(request.limit),
      };
      return mapped(await findVersions(seam, query, permit), ({ versions, nextBefore }) => ({
        versions: versions.map((version) => encodeVersion(version, flag(request.texts))),
        nextBefore,
      }));
    }),
    watch: (call: ServerWritableStream<Wire, Wire>, permit: Permit): void => {
      const query = { key: keyOf(call.request.key), after: numberOrNull(call.request.after) ?? undefined };
      void watches.serve(call, query, permit);
    },
  };
  return { handlers, stop: () => watches.stop() };
}

function answering(
  method: string,
  handle: (request: Wire, caller: Caller) => Promise<Answer<Wire>>,
  log: Log,
): UnaryHandler {
  return (call, callback, permit) => {
    handle(call.request, { permit, isGone: () => call.cancelled }).then(
      (answer) => {
        if (answer.ok) callback(null, answer.value);
        else callback(statusWithDetails(answer.refusal));
      },
      (error: unknown) => callback(statusWithDetails(failure(error, method, log))),
    );
  };
}

function mapped<T>(answer: Answer<T>, encode: (value: T) => Wire): Answer<Wire> {
  return answer.ok ? done(encode(answer.value)) : answer;
}

function keyOf(value: unknown): DocumentKey | undefined {
  return value === undefined || value === null ? undefined : decodeKey(value as Wire);
}

function termsOf(request: Wire): WriteTerms {
  return {
    reason: text(request.reason),
    dryRun: flag(request.dryRun),
    conditions: list(request.ifMatch, (one) => ({
      document: keyOf(one.document) ?? { kind: '', name: '' },
      revision: number(one.revision),
    })),
    storeRevision: numberOrNull(request.ifStoreRevision) ?? undefined,
    idempotencyKey: text(request.idempotencyKey),
    force: flag(request.force),
  };
}

function encodeWritten({ revision, outcomes, replayed, dryRun, warnings }: Written): Wire {
  const changes = outcomes.map(({ kind, name, outcome }) => ({
    key: { kind, name },
    outcome: toEnum('POLICY_OUTCOME', outcome),
  }));
  return { revision, changes, replayed, dryRun, warnings };
}

function encodeCompared({ documents, warnings, revision, current, candidate, dryRun }: Told): Wire {
  return {
    documents: documents.map(({ kind, name, outcome, textDiff }) => ({
      key: { kind, name },
      outcome: toEnum('POLICY_OUTCOME', outcome),
      textDiff,
    })),
    warnings,
    revision,
    policyRevisionBefore: current?.policy.revision ?? '',
    policyRevisionAfter: candidate.policy.revision,
    dryRun: dryRun && encodeDryRun(dryRun),
  };
}

function encodeFound({ documents, revision, files, damaged }: Found, texts: boolean): Wire {
  return {
    documents: documents.map((one) => encodeDocument(texts ? one : { ...one, content: '' })),
    revision,
    files,
    damaged: damaged.map(({ document, record, reason }) => ({
      key: document ?? { kind: '', name: record },
      reason,
    })),
  };
}
