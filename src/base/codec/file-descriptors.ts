import { descriptorBytes } from './schema.ts';
import { LENGTH, readFields, VARINT } from './wire.ts';

/** One .proto file of the descriptor set. */
export type FileDescriptor = {
  /** `envoy/config/core/v3/base.proto` */
  readonly name: string;
  /** The serialised `google.protobuf.FileDescriptorProto`, a view on the descriptor set: never write to it. */
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
  /** Full names of the services, methods, messages, enums and extensions that the file declares, nested ones too. */
  readonly symbols: readonly string[];
  readonly extensions: readonly Extension[];
};

export type Extension = { readonly extendee: string; readonly number: number };

let files: ReadonlyMap<string, FileDescriptor> | undefined;

/**
 * The files of the descriptor set by name, imports before what imports them. The serialised set is cut where its lengths
 * say: writing the descriptors anew from protobufjs types would take 0.2 s for the types and drop the options that carry
 * the validation rules. Read on first use, in a few milliseconds, and kept. Throws LOADLINE_CODEC_DESCRIPTOR.
 */
export function fileDescriptors(): ReadonlyMap<string, FileDescriptor> {
  if (files === undefined) {
    const read = new Map<string, FileDescriptor>();
    // FileDescriptorSet.file 1
    readParts(descriptorBytes(), 'FileDescriptorSet', [1], (_, bytes) => {
      const file = readFile(bytes);
      read.set(file.name, file);
    });
    files = read;
  }
  return files;
}

type Declared = { readonly symbols: string[]; readonly extensions: Extension[] };

// FileDescriptorProto: name 1, package 2, dependency 3, message_type 4, enum_type 5, service 6, extension 7
function readFile(bytes: Uint8Array): FileDescriptor {
  const imports: string[] = [];
  const declared: Declared = { symbols: [], extensions: [] };
  let name = '';
  let scope = '';
  readParts(bytes, 'FileDescriptorProto', [1, 2, 3], (field, part) => {
    if (field === 1) name = text(part);
    else if (field === 2) scope = `${text(part)}.`;
    else imports.push(text(part));
  });
  // In a second pass, because the order of the fields on the wire is no promise and names need the package.
  readParts(bytes, 'FileDescriptorProto', [4, 5, 6, 7], (field, part) => {
    if (field === 4) addMessage(part, scope, declared);
    else if (field === 5) declared.symbols.push(scope + nameOf(part));
    else if (field === 6) addService(part, scope, declared);
    else addExtension(part, scope, declared);
  });
  return { name, bytes, imports, ...declared };
}

// DescriptorProto: name 1, nested_type 3, enum_type 4, extension 6
function addMessage(bytes: Uint8Array, scope: string, declared: Declared): void {
  const fullName = scope + nameOf(bytes);
  declared.symbols.push(fullName);
  readParts(bytes, 'DescriptorProto', [3, 4, 6], (field, part) => {
    if (field === 3) addMessage(part, `${fullName}.`, declared);
    else if (field === 4) declared.symbols.push(`${fullName}.${nameOf(part)}`);
    else addExtension(part, `${fullName}.`, declared);
  });
}

// ServiceDescriptorProto: name 1, method 2
function addService(bytes: Uint8Array, scope: string, declared: Declared): void {
  const fullName = scope + nameOf(bytes);
  declared.symbols.push(fullName);
  readParts(bytes, 'ServiceDescriptorProto', [2], (_, method) => {
    declared.symbols.push(`${fullName}.${nameOf(method)}`);
  });
}

// FieldDescriptorProto: name 1, extendee 2, number 3
function addExtension(bytes: Uint8Array, scope: string, declared: Declared): void {
  let extendee = '';
  let number = 0;
  readFields(bytes, 'FieldDescriptorProto', (field, wireType, reader) => {
    if (field === 2 && wireType === LENGTH) extendee = reader.string().replace(/^\./, '');
    else if (field === 3 && wireType === VARINT) number = reader.int32();
    else return false;
    return true;
  });
  declared.symbols.push(scope + nameOf(bytes));
  declared.extensions.push({ extendee, number });
}

/** `name` is field 1 of every descriptor that has one. */
function nameOf(bytes: Uint8Array): string {
  let name = '';
  readParts(bytes, 'descriptor', [1], (_, part) => {
    name = text(part);
  });
  return name;
}

function readParts(
  bytes: Uint8Array,
  what: string,
  wanted: readonly number[],
  visit: (field: number, part: Uint8Array) => void,
): void {
  readFields(bytes, what, (field, wireType, reader) => {
    if (wireType !== LENGTH || !wanted.includes(field)) return false;
    visit(field, reader.bytes());
    return true;
  });
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
