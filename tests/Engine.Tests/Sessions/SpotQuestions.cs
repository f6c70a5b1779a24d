using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>The demonstration model with some of its pictures open, for tests that only ask whether answers are right.</summary>
internal sealed class SpotQuestions : IAsyncDisposable
{
    private readonly Dictionary<string, SpotImage> _images = [];

    private SpotQuestions(ChainOfSpotEngine engine)
    {
        Engine = engine;
        FreeAtFirst = engine.FreeCachePositions;
        All = [.. SpotTinyTests.Question.All.Where(q => string.CompareOrdinal(q.Image, "spot-004.png") < 0)];
        foreach (string name in All.Select(q => q.Image).Distinct())
            _images.Add(name, engine.OpenImage(ChainOfSpot.Images.Picture.Decode(Fixtures.Path("spot-tiny", name))));
    }

    public ChainOfSpotEngine Engine { get; }

    public int FreeAtFirst { get; }

    public IReadOnlyList<SpotTinyTests.Question> All { get; }

    public static async Task<SpotQuestions> OpenAsync(EngineOptions options) =>
        new(await TestEngine.LoadAsync(TestEngine.SpotTiny, options));

    public SpotImage ImageOf(SpotTinyTests.Question question) => _images[question.Image];

    /// <summary>Asks and fails unless the answer is right.</summary>
    public async Task AskAsync(SpotTinyTests.Question question, AskOptions options, CancellationToken cancellation)
    {
        Answer answer = await ImageOf(question).AskAsync(question.Text, options, cancellation);
        Assert.Equal(question.RegionIds, answer.Passes[0].OutputIds);
        Assert.Equal(question.AnswerIds, answer.Passes[1].OutputIds);
    }

    /// <summary>Fails unless every page of the cache is free once the pictures are closed.</summary>
    public void CloseImages()
    {
        foreach (SpotImage image in _images.Values)
            image.Dispose();
        Assert.Equal(FreeAtFirst, Engine.FreeCachePositions);
    }

    public ValueTask DisposeAsync() => Engine.DisposeAsync();
}
