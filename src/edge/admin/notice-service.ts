import { peerText } from '../../core/access/index.ts';
import type { Log, NoticeSeam, NoticeTaken } from '../observe/index.ts';
import { answering, type Handler, mapped } from './by-hand-service.ts';
import { decodeNotice, decodeWithdrawal } from './notice-message.ts';
import { encodeOperation } from './operation-message.ts';
import type { Wire } from './wire-values.ts';

/** The gRPC side of notices that machines go away. */
export function noticeHandlers(seam: NoticeSeam, log: Log): Readonly<Record<string, Handler>> {
  return {
    giveNotice: answering(
      'giveNotice',
      async (wire, { peer, mayFor }) => {
        const notice = decodeNotice(wire, seam.nowMs());
        if (!notice.ok) return notice;
        const taken = await seam.take(notice.value, { author: peerText(peer), mayFor });
        return mapped(taken, encodeTaken);
      },
      log,
    ),
    withdrawNotice: answering(
      'withdrawNotice',
      async (wire, { peer, mayFor }) => {
        const withdrawal = decodeWithdrawal(wire);
        if (!withdrawal.ok) return withdrawal;
        return mapped(await seam.withdraw(withdrawal.value, { author: peerText(peer), mayFor }), encodeTaken);
      },
      log,
    ),
  };
}

function encodeTaken({ operations, notes }: NoticeTaken): Wire {
  return { operations: operations.map(encodeOperation), notes };
}
