using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.WeightsTools.Models;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>Makes a tensor under a name of the file and as a type of it, its rows in GGUF's order.</summary>
internal delegate OutputTensor GgufTensorMaker(LlavaTensor tensor, string name, ElementType type);

/// <summary>Writes the GGUF files of a model into a folder, complete or not at all.</summary>
internal static class GgufFolder
{
    /// <summary>Writes the language model and, where asked for, tower and projector.</summary>
    public static void Write(
        Terminal terminal,
        string folder,
        LlavaConfig config,
        Vocabulary vocabulary,
        QuantizationMix mix,
        bool withProjector,
        GgufTensorMaker make,
        CancellationToken cancellation)
    {
        string model = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string languageFile = $"{model}-{mix.Name}.gguf";
        string projectorFile = $"mmproj-{model}-f16.gguf";
        OutputTensor[] text =
        [
            .. LlavaLayout.OfText(config.Text).Select(tensor => make(tensor, tensor.GgufName, mix.TypeOf(tensor, config.Text))),
        ];
        OutputTensor[] vision = withProjector
            ? [.. GgufOutput.ProjectorTensors(config).Select(tensor => make(tensor, tensor.GgufName, GgufOutput.ProjectorType(tensor)))]
            : [];
        long total = text.Concat(vision).Sum(tensor => tensor.ByteLength);
        string[] files = withProjector ? [languageFile, projectorFile] : [languageFile];
        using PendingFolder pending = PendingFolder.Create(folder, files, total);
        terminal.RunWithProgress($"Writing {model}", total, progress =>
        {
            using (FileStream file = pending.OpenFile(languageFile))
                GgufOutput.WriteLanguageModel(file, model, config.Text, vocabulary, mix, text, progress, cancellation);
            if (withProjector)
            {
                using FileStream file = pending.OpenFile(projectorFile);
                GgufOutput.WriteProjector(file, model, config, vision, progress, cancellation);
            }
        });
        cancellation.ThrowIfCancellationRequested();
        pending.Complete();
        terminal.Out.WriteLine($"{Path.Combine(folder, languageFile)}: {text.Length} tensors, {Sizes.Format(text.Sum(t => t.ByteLength))}");
        if (withProjector)
        {
            terminal.Out.WriteLine(
                $"{Path.Combine(folder, projectorFile)}: {vision.Length} tensors, {Sizes.Format(vision.Sum(t => t.ByteLength))}");
        }
    }
}
