/** A taint of a Kubernetes node that says of its machine that it goes away. */
export type TaintRule = {
  readonly key: string;
  /** Only with this value; absent: with any. */
  readonly value?: string;
  /** How long the machine still runs once the taint is set. */
  readonly leftMs: number;
  /** Its value is the time when it was set, in seconds since 1970. */
  readonly valueIsTime?: true;
  /** Who sets it, and where `leftMs` comes from. */
  readonly source: string;
};

const SEC = 1000;
const MINUTE = 60 * SEC;

/**
 * What is a notice without being told. Not here, because it says nothing of an end: a cordon (`node.kubernetes.io/unschedulable`,
 * set for every kind of work on a node), `aws-node-termination-handler/rebalance-recommendation` (a risk, without a time),
 * `DeletionCandidateOfClusterAutoscaler` (the autoscaler still thinks), those for unwell nodes (`not-ready`, `unreachable`: health
 * checks see more, and it may come back), and those that every Spot node has from its first day (`cloud.google.com/gke-spot`,
 * `kubernetes.azure.com/scalesetpriority`).
 */
export const TAINT_RULES: readonly TaintRule[] = [
  {
    key: 'aws-node-termination-handler/spot-itn',
    leftMs: 2 * MINUTE,
    source: 'AWS Node Termination Handler with `taintNode`: EC2 Spot gives two minutes',
  },
  {
    key: 'aws-node-termination-handler/scheduled-maintenance',
    leftMs: 2 * MINUTE,
    source: 'AWS Node Termination Handler: it begins `nodeTerminationGracePeriod` (120 s) before the event',
  },
  {
    key: 'aws-node-termination-handler/asg-lifecycle-termination',
    leftMs: 2 * MINUTE,
    source:
      'AWS Node Termination Handler: it drains for `nodeTerminationGracePeriod` (120 s), then lets the group go on',
  },
  {
    key: 'karpenter.sh/disrupted',
    leftMs: 2 * MINUTE,
    source:
      'Karpenter: for Spot the two minutes of EC2; for consolidation and drift as long as its pods take, which no taint says',
  },
  {
    key: 'karpenter.sh/disruption',
    value: 'disrupting',
    leftMs: 2 * MINUTE,
    source: 'Karpenter before 1.0',
  },
  {
    key: 'ToBeDeletedByClusterAutoscaler',
    leftMs: 10 * MINUTE,
    valueIsTime: true,
    source: 'Cluster Autoscaler: it waits `--max-graceful-termination-sec` (600) for the pods',
  },
  {
    key: 'cloud.google.com/impending-node-termination',
    leftMs: 30 * SEC,
    source:
      'the node termination handler for Google Cloud: Spot and preemptible VMs get 30 s, others with GPUs an hour',
  },
  {
    key: 'remediator.kubernetes.azure.com/unschedulable',
    leftMs: 30 * SEC,
    source: 'node auto-drain of AKS: a Spot VM is told of its eviction 30 s before',
  },
  {
    key: 'node.kubernetes.io/out-of-service',
    leftMs: 0,
    source: 'an operator, for a node that is shut down',
  },
];

/** Those that an operator names come first, and in the place of all with the same key. */
export function withOwnRules(own: readonly TaintRule[], off: readonly string[] = []): readonly TaintRule[] {
  const replaced = new Set([...off, ...own.map(({ key }) => key)]);
  return [...own, ...TAINT_RULES.filter(({ key }) => !replaced.has(key))];
}
