import { peerText } from '../../core/access/index.ts';
import type { Log, NoticeSeam } from '../observe/index.ts';
import { answering, type Handler, mapped } from './by-hand-service.ts';
import { decodeNotice } from './notice-message.ts';
import { encodeOperation } from './operation-message.ts';

/** The gRPC side of notices that machines go away. */
export function noticeHandlers(seam: NoticeSeam, log: Log): Readonly<Record<string, Handler>> {
  return {
    giveNotice: answering(
      'giveNotice',
      async (wire, { peer, mayFor }) => {
        const notice = decodeNotice(wire, seam.nowMs());
        if (!notice.ok) return notice;
        const taken = await seam.take(notice.value, { author: peerText(peer), mayFor });
        return mapped(taken, ({ operations, notes }) => ({ operations: operations.map(encodeOperation), notes }));
      },
      log,
    ),
  };
}
