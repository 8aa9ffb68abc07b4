import { type FileHandle, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';

/**
 * The few file operations that the store is made of, as a seam: tests make the N-th of them fail, or take the power away.
 * Every method rejects with Node's error (`code` ENOENT, EEXIST, ENOSPC …).
 */
export interface FileSystem {
  /** Creates a folder and its parents; no error when it is there. */
  makeFolder(path: string): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  /** Creates or truncates, writes and forces the content to the disk. The name is not yet durable. */
  writeAndSync(path: string, content: Uint8Array): Promise<void>;
  /** Replaces `to` in one step: whoever opens it sees the old content or the new one. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name; rejects with EEXIST when the name is taken. */
  link(from: string, to: string): Promise<void>;
  /** No error when there is none. */
  remove(path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
}

/** Only the owner: a checkpoint holds policies, and a policy may hold credentials in a URL. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

export const nodeFileSystem: FileSystem = {
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  },
  read: (path) => readFile(path),
  writeAndSync: (path, content) =>
    withFile(path, 'w', async (file) => {
      await file.writeFile(content);
      await file.sync();
    }),
  rename,
  link,
  remove: (path) => rm(path, { force: true }),
  syncFolder: (path) => withFile(path, 'r', (folder) => folder.sync()),
};

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, FILE_MODE);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
