import {
  decodeReflectionRequest,
  encodeReflectionResponse,
  type FileDescriptor,
  type ReflectionAnswer,
  type ReflectionQuery,
} from '../../../base/codec/index.ts';
import { type RpcMethods, STATUS } from '../transport/rpc.ts';
import { answerStream } from './answer-stream.ts';
import { refusal } from './refusal.ts';
import { type ServedFiles, servedFiles, withImports } from './served-files.ts';

/** The same messages under two names: grpcurl before 1.8.8 and many clients know the older one only. */
const SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

export type ReflectionOptions = {
  /** Full names of messages that travel inside an Any, which no import tells of: grpcurl cannot show them otherwise. */
  readonly types?: readonly string[];
};

/**
 * gRPC server reflection for `services` (full names of the descriptor set) and itself. The official package wants types
 * for everything that it reflects, 39 s of CPU for the whole set; here the descriptors go out as they lie in the file,
 * and nothing is read before somebody asks (about 10 ms).
 */
export function reflectionMethods(services: readonly string[], options: ReflectionOptions = {}): RpcMethods {
  const names = [...new Set([...services, ...SERVICES])].sort();
  let files: ServedFiles | undefined;
  const handler = answerStream(() => {
    const sent = new Set<string>();
    return (bytes) => {
      const { host, query } = decodeReflectionRequest(bytes);
      if (query === undefined)
        return refusal(STATUS.INVALID_ARGUMENT, 'the request asks for nothing that is known here');
      files ??= servedFiles([...names, ...(options.types ?? [])]);
      const answer: ReflectionAnswer =
        query.kind === 'Services' ? { kind: 'Services', names } : answerFrom(files, query, sent);
      return [encodeReflectionResponse(bytes, host, answer)];
    };
  });
  return new Map(SERVICES.map((service) => [`/${service}/ServerReflectionInfo`, handler]));
}

function answerFrom(
  files: ServedFiles,
  query: Exclude<ReflectionQuery, { kind: 'Services' }>,
  sent: Set<string>,
): ReflectionAnswer {
  switch (query.kind) {
    case 'File':
      return found(files.byName.get(query.name), sent) ?? notFound(`file ${query.name}`);
    case 'Symbol':
      return found(files.bySymbol.get(bare(query.name)), sent) ?? notFound(`symbol ${query.name}`);
    case 'Extension':
      return (
        found(files.extensions.get(bare(query.extendee))?.get(query.number), sent) ??
        notFound(`extension ${query.number} of ${query.extendee}`)
      );
    case 'ExtensionNumbers': {
      const extendee = bare(query.extendee);
      if (!files.bySymbol.has(extendee)) return notFound(`type ${query.extendee}`);
      const numbers = [...(files.extensions.get(extendee)?.keys() ?? [])].sort((a, b) => a - b);
      return { kind: 'ExtensionNumbers', extendee, numbers };
    }
  }
}

/** The file with those of its imports that this call has not had yet, as the protocol allows. */
function found(file: FileDescriptor | undefined, sent: Set<string>): ReflectionAnswer | undefined {
  if (file === undefined) return undefined;
  const news = withImports(file).filter((needed) => needed === file || !sent.has(needed.name));
  for (const { name } of news) sent.add(name);
  return { kind: 'Files', files: news.map(({ bytes }) => bytes) };
}

function notFound(what: string): ReflectionAnswer {
  return { kind: 'Failure', code: STATUS.NOT_FOUND, message: `${what} is not served here` };
}

/** Some clients write full names with the leading dot of .proto files. */
function bare(name: string): string {
  return name.replace(/^\./, '');
}
