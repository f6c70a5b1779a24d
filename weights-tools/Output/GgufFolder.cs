using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.WeightsTools.Models;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>Makes a tensor under a name of the file and as a type of it, its rows in GGUF's order.</summary>
internal delegate OutputTensor GgufTensorMaker(LlavaTensor tensor, string name, ElementType type);

/// <summary>Writes the GGUF files of a model into a folder, complete or not at all.</summary>
internal static class GgufFolder
{
    /// <summary>Writes the language model and, where there is one, tower and projector.</summary>
    public static void Write(
        Terminal terminal,
        string folder,
        TextConfig text,
        VisionConfig? vision,
        Vocabulary vocabulary,
        QuantizationMix mix,
        GgufTensorMaker make,
        CancellationToken cancellation)
    {
        string model = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string languageFile = $"{model}-{mix.Name}.gguf";
        string projectorFile = $"mmproj-{model}-f16.gguf";
        OutputTensor[] language = [.. LlavaLayout.OfText(text).Select(tensor => make(tensor, tensor.GgufName, mix.TypeOf(tensor, text)))];
        OutputTensor[] projector = vision is null
            ? []
            : [.. GgufOutput.ProjectorTensors(vision, text.HiddenSize)
                .Select(tensor => make(tensor, tensor.GgufName, GgufOutput.ProjectorType(tensor)))];
        long total = language.Concat(projector).Sum(tensor => tensor.ByteLength);
        using PendingFolder pending = PendingFolder.Create(folder, vision is null ? [languageFile] : [languageFile, projectorFile], total);
        terminal.RunWithProgress($"Writing {model}", total, progress =>
        {
            using (FileStream file = pending.OpenFile(languageFile))
                GgufOutput.WriteLanguageModel(file, model, text, vocabulary, mix, language, progress, cancellation);
            if (vision is not null)
            {
                using FileStream file = pending.OpenFile(projectorFile);
                GgufOutput.WriteProjector(file, model, vision, text.HiddenSize, projector, progress, cancellation);
            }
        });
        cancellation.ThrowIfCancellationRequested();
        pending.Complete();
        Report(languageFile, language);
        if (vision is not null)
            Report(projectorFile, projector);

        void Report(string file, OutputTensor[] tensors) => terminal.Error.WriteLine(
            $"{Path.Combine(folder, file)}: {tensors.Length} tensors, {Sizes.Format(tensors.Sum(tensor => tensor.ByteLength))}");
    }
}
