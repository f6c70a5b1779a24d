using System.Globalization;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Models;

/// <summary>What a model needs of a device's memory, known before anything is loaded.</summary>
/// <param name="WeightBytes">The checkpoint's files: every weight is copied once as it is stored.</param>
/// <param name="CacheBytes">Keys and values of all cache positions.</param>
/// <param name="CachePositions">Positions of the cache.</param>
/// <param name="ActivationBytes">Intermediate results of the largest step.</param>
internal readonly record struct DeviceBudget(long WeightBytes, long CacheBytes, long CachePositions, long ActivationBytes)
{
    private long Total => WeightBytes + CacheBytes + ActivationBytes;

    /// <summary>Pages that the cache has with these options: those of two of the model's contexts by default.</summary>
    public static int Pages(TextConfig config, EngineOptions options, int pagePositions) => options.CachePositions > 0
        ? ((options.CachePositions - 1) / pagePositions) + 1
        : 2 * ContextPages(config, pagePositions);

    /// <summary>Pages of one whole context.</summary>
    public static int ContextPages(TextConfig config, int pagePositions) => (config.MaxPositions + pagePositions - 1) / pagePositions;

    /// <summary>The budget of a model.</summary>
    public static DeviceBudget Of(ModelFiles files, EngineOptions options, int pagePositions)
    {
        TextConfig text = files.Config.Text;
        VisionConfig vision = files.Config.Vision;
        int pages = Pages(text, options, pagePositions);
        long page = 2L * text.Layers * KvLayout.PageBytes(options.KvCache ?? KvElement.F32, text.KvHeads, text.HeadDim);
        long rowFloats = (6L * text.HiddenSize) + (3L * text.IntermediateSize) + (2L * 3 * text.Heads * text.HeadDim);
        long pictureFloats = (vision.Patches + 1L) * ((7L * vision.HiddenSize) + vision.IntermediateSize + (2L * text.HiddenSize));
        long activations = sizeof(float) * ((Math.Min(options.StepRows, text.MaxPositions) * rowFloats) + pictureFloats + text.VocabularySize);
        return new DeviceBudget(files.WeightBytes, pages * page, (long)pages * pagePositions, activations);
    }

    /// <summary>Refuses to begin what cannot end well.</summary>
    /// <param name="device">The device's name.</param>
    /// <param name="freeBytes">Its free memory; null where nobody knows.</param>
    /// <exception cref="DeviceMemoryException">The device has too little free memory.</exception>
    public void Check(string device, long? freeBytes)
    {
        if (freeBytes is not { } free || Total <= free)
            return;
        long left = free - WeightBytes - ActivationBytes;
        long fitting = left < 0 ? 0 : (long)((double)left / CacheBytes * CachePositions);
        string remedy = fitting > 0
            ? string.Create(CultureInfo.InvariantCulture, $"a cache of {fitting} positions would fit")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"beside a cache of {CachePositions} positions, weights of {Gigabytes(Math.Max(0, free - CacheBytes - ActivationBytes))} would fit: quantise the checkpoint, or use the CPU");
        throw new DeviceMemoryException(
            $"{device}: {Gigabytes(Total)} are needed ({Gigabytes(WeightBytes)} weights, {Gigabytes(CacheBytes)} cache of {CachePositions} positions, "
            + $"{Gigabytes(ActivationBytes)} activations) and {Gigabytes(free)} are free; {remedy}.",
            Total);
    }

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB");
}
