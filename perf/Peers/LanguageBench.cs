using System.Diagnostics;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.PeerBench;

/// <summary>
/// The language model of a GGUF file alone, as llama-bench runs one: tokens of no meaning, computed in steps of as many rows as
/// the engine's; what a token costs does not depend on which it is.
/// </summary>
internal sealed class LanguageBench : IDisposable
{
    private readonly GgufFile _file;
    private readonly CpuDevice _device;
    private readonly LanguageModel _model;
    private readonly KvPool _pool;
    private readonly KvPages _pages;
    private readonly RaggedBatch _batch;
    private readonly Tensor _chosen;
    private readonly float[] _logits;
    private readonly int _vocabulary;

    /// <param name="path">The GGUF file of a language model.</param>
    /// <param name="positions">Positions of the longest sequence.</param>
    /// <param name="threads">Threads; 0 for one a core.</param>
    /// <param name="cache">How the key-value cache is stored.</param>
    public LanguageBench(string path, int positions, int threads, KvElement cache)
    {
        _file = GgufFile.Open(path);
        GgufLlama llama = GgufLlama.Read(_file);
        TextConfig config = GgufConfig.Of(llama);
        if (positions > config.MaxPositions)
            throw new ArgumentException($"{path} has a context of {config.MaxPositions} tokens; {positions} are needed.", nameof(positions));
        WeightFile.Prefetch([_file]);
        _device = CpuDevice.Create(threads, arithmetic: Arithmetic.Fast);
        int stepRows = Math.Min(new EngineOptions().StepRows, config.MaxPositions);
        var tensors = new LanguageTensors(llama.TokenEmbedding, llama.Blocks, llama.OutputNorm, llama.Output);
        _model = new LanguageModel(_device, config, tensors, stepRows);
        int pages = (positions + _device.PagePositions - 1) / _device.PagePositions;
        _pool = _device.AllocateKv(_model.KvShape with { Element = cache }, pages);
        _pages = new KvPages(_pool, _device.PagePositions);
        _batch = new RaggedBatch(_device, stepRows, mostSequences: 1, pages);
        _chosen = _device.Allocate(ElementType.I32, 1, 1);
        _vocabulary = config.VocabularySize;
        _logits = new float[_vocabulary];
    }

    /// <summary>The vector instructions in use, and the threads.</summary>
    public string InstructionSet => _device.Name;

    /// <summary>Seconds of computing a prompt up to the logits of its last token.</summary>
    public double PrefillSeconds(int tokens)
    {
        using var sequence = new KvSequence(_pages);
        return Seconds(() => Compute(sequence, tokens));
    }

    /// <summary>Seconds of decoding some tokens one by one behind a context that is computed before.</summary>
    public double DecodeSeconds(int depth, int tokens)
    {
        using var sequence = new KvSequence(_pages);
        if (depth > 0)
            Compute(sequence, depth);
        return Seconds(() =>
        {
            for (int i = 0; i < tokens; i++)
                Compute(sequence, 1);
        });
    }

    public void Dispose()
    {
        _chosen.Dispose();
        _batch.Dispose();
        _pool.Dispose();
        _model.Dispose();
        _device.Dispose();
        _file.Dispose();
    }

    private static double Seconds(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private void Compute(KvSequence sequence, int count)
    {
        while (count > 0)
        {
            int rows = Math.Min(count, _batch.MostRows);
            count -= rows;
            int first = sequence.Length;
            int[] tokens = [.. Enumerable.Range(first, rows).Select(position => position * 7919 % _vocabulary)];
            _batch.Clear();
            _batch.Add(sequence, tokens, outputs: count == 0 ? 1 : 0);
            _batch.Send();
            if (_model.Forward(_batch, [], _pool, () => false) is not { } logits)
                continue;
            int[] chosen = new int[1];
            _device.ArgMax(logits, _chosen);
            _device.Read<int>(_chosen, chosen);
            _device.Read<float>(logits, _logits);
        }
    }
}
