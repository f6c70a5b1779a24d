using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Text;
using Microsoft.Extensions.Logging;

namespace ChainOfSpot;

/// <summary>How an engine is set up.</summary>
public sealed record EngineOptions
{
    /// <summary>What computes; by default a GPU where there is one that the engine can use, else the CPU.</summary>
    public DeviceChoice Device { get; init; }

    /// <summary>Of the CPU: threads that share an operation; 0 for one a core.</summary>
    public int Threads { get; init; }

    /// <summary>Of the CPU: bits of the vector registers to use, to switch wider ones off: 512, 256 or 128; 0 for the widest of this CPU.</summary>
    public int VectorBits { get; init; }

    /// <summary>
    /// What matrix products may round for speed; null for <see cref="Runtime.Devices.Arithmetic.Fast"/> with GGUF models and
    /// <see cref="Runtime.Devices.Arithmetic.Exact"/> with checkpoints.
    /// </summary>
    public Arithmetic? Arithmetic { get; init; }

    /// <summary>Positions that the key-value cache holds, of all sequences together; 0 for two of the model's contexts.</summary>
    public int CachePositions { get; init; }

    /// <summary>
    /// How the key-value cache stores its numbers: as they were computed, as halves, or in 8 bits, a quarter of the memory. Null for
    /// halves on the CPU in <see cref="Runtime.Devices.Arithmetic.Fast"/>, and for fp32 elsewhere; GPUs have no cache of halves.
    /// </summary>
    public KvElement? KvCache { get; init; }

    /// <summary>
    /// The most bytes that are kept of what open questions no longer need, for questions to come: pictures on the device, their
    /// features, and keys and values in the key-value cache, which are given up as soon as a question needs the room. The least
    /// recently used goes first. 0 keeps nothing; null keeps as much as the key-value cache has.
    /// </summary>
    public long? ReuseMemory { get; init; }

    /// <summary>
    /// Decodes two choices of a region in one forward pass, where no other question is in it: all legal successors of the present
    /// token are run beside each other as forks, up to 70 rows instead of one. The region is the same, in at most 8 passes behind
    /// the prompt's. It pays where reading the weights bounds a pass, which it does not on a CPU; off by default.
    /// </summary>
    public bool RegionLookahead { get; init; }

    /// <summary>The most rows of one step; longer prompts are fed in several. More is faster, fewer stop sooner when cancelled.</summary>
    public int StepRows { get; init; } = 640;

    /// <summary>The folder of the vision tower, where the checkpoint names one that does not lie in or beside its folder.</summary>
    public string? VisionTower { get; init; }

    /// <summary>
    /// The GGUF file of vision tower and projector ("mmproj") of a GGUF language model, where it is not the only one in that
    /// model's folder.
    /// </summary>
    public string? MmprojFile { get; init; }

    /// <summary>The word that pass 1 asks with: the official evaluation's "what" or the training's "where".</summary>
    public RegionQuestionWord RegionWord { get; init; } = RegionQuestionWord.What;

    /// <summary>How text behind an answer's end mark is read; null for what the checkpoint's "legacy" flag stands for.</summary>
    public AfterEosRule? AfterEosRule { get; init; }

    /// <summary>Where every operation of the device is recorded with its time and cost; null for nowhere, which costs nothing.</summary>
    public OperationLog? OperationLog { get; init; }

    /// <summary>Where the engine logs to.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>Checks every number; <see cref="ChainOfSpotEngine.LoadAsync"/> does so first.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range; the parameter's name is the option's.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
        if (VectorBits is not (0 or 128 or 256 or 512))
            throw new ArgumentOutOfRangeException(nameof(VectorBits), VectorBits, "Expected 512, 256 or 128, or 0 for the widest.");
        ArgumentOutOfRangeException.ThrowIfNegative(CachePositions);
        ArgumentOutOfRangeException.ThrowIfNegative(ReuseMemory ?? 0, nameof(ReuseMemory));
        ArgumentOutOfRangeException.ThrowIfLessThan(StepRows, 1);
    }
}
